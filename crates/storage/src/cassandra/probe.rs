//! A look at the cluster, with a session that changes nothing.

use super::{CassandraConfig, connection, home, promises, schema};
use crate::{probe::Probe, tls};
use scylla::client::session::TlsContext;
use std::sync::Arc;

/// Connects once and asks what a start would.
///
/// # Errors
/// One sentence on what stands against a start.
pub async fn probe(config: &CassandraConfig) -> Result<Probe, String> {
    let tls = tls::client(&config.tls)?;
    let tls = tls.map(|config| TlsContext::Rustls023(Arc::new(config)));
    let cluster = connection::try_to_connect(config, tls).await?;
    home::check(&cluster)?;
    let mut found = vec![format!("{cluster} lets this broker in")];
    let name = schema::quoted(&config.keyspace);
    let is_there = cluster.session.get_cluster_state().get_keyspace(&config.keyspace).is_some();
    if !is_there {
        found.push(format!("the keyspace {name} is not there; it is made if the user may"));
        return Ok(Probe { found, ..Probe::default() });
    }
    found.push(format!("the keyspace {name} is there"));
    home::choose(&cluster, config)?;
    let promises = promises::examine(&cluster, &config.keyspace, config.consistency).await;
    let warnings = promises.warnings.into_iter().chain(promises.limit).collect();
    Ok(Probe { found, warnings, kept_time: None })
}
