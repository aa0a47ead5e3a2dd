//! Connecting to a cluster.

use super::{CassandraConfig, Consistency};
use crate::{OpenError, OpenObserver, database::with_causes, tls};
use broker_core::{SystemTime, TimeSource};
use scylla::{
    client::{
        PoolSize,
        execution_profile::ExecutionProfile,
        session::{Session, TlsContext},
        session_builder::SessionBuilder,
    },
    policies::{load_balancing::DefaultPolicy, retry::FallthroughRetryPolicy},
    statement::{self, SerialConsistency},
};
use std::{fmt, num::NonZeroUsize, sync::Arc, time::Duration};

/// Connections to each node: one can be read while another is written.
const CONNECTIONS: NonZeroUsize = NonZeroUsize::new(2).expect("two are not none");
/// Between two tries to connect, at first and at last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// How often nodes are asked whether they agree on the tables.
const AGREEMENT: Duration = Duration::from_millis(20);

/// What is known of the cluster, from its first node that answered.
pub struct Cluster {
    pub session: Session,
    pub datacenter: String,
    node: String,
    version: String,
}

impl Cluster {
    /// From here on only nodes of that data center are asked.
    pub fn stay_in(&self, datacenter: String, config: &CassandraConfig) {
        let mut handle = self.session.get_default_execution_profile_handle().clone();
        handle.map_to_another_profile(profile(config, Some(datacenter)));
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = self.node.rsplit_once(':').unwrap_or((&self.node, ""));
        write!(f, "{} at {host} on port {port} (data center {})", self.version, self.datacenter)
    }
}

/// Waits for the cluster, for as long as a start may wait.
///
/// # Errors
/// One sentence on what stands against it.
pub async fn connect(
    config: &CassandraConfig,
    observer: &dyn OpenObserver,
) -> Result<Cluster, OpenError> {
    let tls = tls::client(&config.tls).map_err(OpenError::Database)?;
    let tls = tls.map(|config| TlsContext::Rustls023(Arc::new(config)));
    let end = SystemTime.monotonic() + config.times.start;
    let mut pause = PAUSES.0;
    loop {
        let why = match try_to_connect(config, tls.clone()).await {
            Ok(cluster) => return Ok(cluster),
            Err(why) => why,
        };
        if is_final(&why) {
            let sentence = format!("the cluster does not let this broker in: {why}");
            return Err(OpenError::Database(sentence));
        }
        observer.away(&why);
        if SystemTime.monotonic() + pause >= end {
            let (nodes, limit) = (addresses(config).join(", "), config.times.start);
            let sentence = format!("no node of {nodes} could be reached within {limit:?}: {why}");
            return Err(OpenError::Database(sentence));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Whether no further try will mend it: the driver has only words for that.
fn is_final(why: &str) -> bool {
    ["Authentication", "authentication", "certificate"].iter().any(|word| why.contains(word))
}

/// Tries once.
///
/// # Errors
/// Why there is no connection.
pub async fn try_to_connect(
    config: &CassandraConfig,
    tls: Option<TlsContext>,
) -> Result<Cluster, String> {
    let mut builder = SessionBuilder::new()
        .known_nodes(addresses(config))
        .pool_size(PoolSize::PerHost(CONNECTIONS))
        .connection_timeout(config.times.connect)
        .schema_agreement_interval(AGREEMENT)
        // Of others' keyspaces, which may be many, nothing is wanted.
        .keyspaces_to_fetch([&config.keyspace])
        .refresh_metadata_on_auto_schema_agreement(false)
        .tls_context(tls)
        .default_execution_profile_handle(profile(config, None).into_handle());
    if let Some(user) = &config.user {
        let password = config.password.as_ref().map_or("", |password| password.reveal());
        builder = builder.user(user, password);
    }
    // The driver bounds each connection, but not what it asks over them.
    let hosts = u32::try_from(config.hosts.len()).unwrap_or(u32::MAX);
    let limit = config.times.connect.saturating_mul(hosts).saturating_add(config.times.statement);
    let session = tokio::time::timeout(limit, builder.build())
        .await
        .map_err(|_| format!("no answer of {} within {limit:?}", config.hosts.join(", ")))?
        .map_err(|error| with_causes(&error))?;
    let (version, datacenter) = ask(&session).await?;
    let datacenter = config.datacenter.clone().unwrap_or(datacenter);
    let node = address(config.hosts.first().map_or("", |host| host), config.port);
    Ok(Cluster { session, node, version, datacenter })
}

/// The version and data center of a node.
async fn ask(session: &Session) -> Result<(String, String), String> {
    let text = "SELECT release_version, data_center FROM system.local";
    let result = session.query_unpaged(text, ()).await.map_err(|error| with_causes(&error))?;
    let result = result.into_rows_result().map_err(|error| error.to_string())?;
    let (version, datacenter) =
        result.first_row::<(String, String)>().map_err(|error| error.to_string())?;
    let scylla = session.query_unpaged("SELECT version FROM system.versions", ()).await;
    let scylla = scylla.ok().and_then(|result| result.into_rows_result().ok());
    let scylla = scylla.and_then(|result| result.first_row::<(String,)>().ok());
    let version = match scylla {
        Some((version,)) => format!("ScyllaDB {version}"),
        None => format!("Cassandra {version}"),
    };
    Ok((version, datacenter))
}

/// Every statement is sent once: what it means to send it again is known to who wrote it, not to the driver.
fn profile(config: &CassandraConfig, datacenter: Option<String>) -> ExecutionProfile {
    let (consistency, serial) = match config.consistency {
        Consistency::LocalQuorum => {
            (statement::Consistency::LocalQuorum, SerialConsistency::LocalSerial)
        }
        Consistency::Quorum => (statement::Consistency::Quorum, SerialConsistency::Serial),
        Consistency::All => (statement::Consistency::All, SerialConsistency::Serial),
    };
    let mut policy = DefaultPolicy::builder().token_aware(true);
    if let Some(datacenter) = datacenter {
        policy = policy.prefer_datacenter(datacenter);
    }
    ExecutionProfile::builder()
        .consistency(consistency)
        .serial_consistency(Some(serial))
        .request_timeout(Some(config.times.statement))
        .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
        .speculative_execution_policy(None)
        .load_balancing_policy(policy.build())
        .build()
}

/// The nodes to begin with.
fn addresses(config: &CassandraConfig) -> Vec<String> {
    config.hosts.iter().map(|host| address(host, config.port)).collect()
}

/// A host with its port.
fn address(host: &str, port: u16) -> String {
    let is_bare_v6 = host.parse::<std::net::Ipv6Addr>().is_ok();
    if is_bare_v6 {
        format!("[{host}]:{port}")
    } else if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        host.to_owned()
    } else {
        format!("{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_have_a_port_of_its_own() {
        let with = |host| address(host, 9042);
        assert_eq!(with("db"), "db:9042");
        assert_eq!(with("db:19042"), "db:19042");
        assert_eq!(with("10.0.0.1"), "10.0.0.1:9042");
        assert_eq!(with("::1"), "[::1]:9042");
        assert_eq!(with("[::1]:7"), "[::1]:7");
        assert_eq!(with("[::1]"), "[::1]:9042");
    }
}
