//! Whether the cluster is set so that an acknowledgement is worth what it should be.

use super::{Consistency, connection::Cluster};
use scylla::{
    client::session::Session,
    policies::load_balancing::{NodeIdentifier, SingleTargetLoadBalancingPolicy},
    statement::{self, Statement},
};
use std::collections::BTreeMap;

/// The largest message and what its row has beside it.
const LARGEST_WRITE: u64 = 4 * 1024 * 1024 + 64 * 1024;

/// What nodes say about themselves: name and value.
type Settings = BTreeMap<String, String>;

/// What is to be said of the cluster's settings.
#[derive(Default)]
pub struct Promises {
    /// One sentence for each way in which an acknowledgement is worth less than it should be.
    pub warnings: Vec<String>,
    /// One sentence if the cluster does not take the largest messages.
    pub limit: Option<String>,
}

/// Asks every node that is there. What cannot be read is not guessed.
pub async fn examine(cluster: &Cluster, keyspace: &str, consistency: Consistency) -> Promises {
    let nodes = settings(&cluster.session).await;
    let mut promises = Promises::default();
    let is_periodic = |(_, settings): &&(String, Settings)| {
        settings.get("commitlog_sync").is_some_and(|sync| sync.eq_ignore_ascii_case("periodic"))
    };
    let periodic: Vec<&str> =
        nodes.iter().filter(is_periodic).map(|(name, _)| name.as_str()).collect();
    if !periodic.is_empty() {
        promises.warnings.push(format!(
            "writes are acknowledged before they are on disk (commitlog_sync: periodic, at {}): \
             acknowledged messages are lost when as many nodes as must have a write fail at once; \
             set commitlog_sync to batch or group on every node",
            periodic.join(", ")
        ));
    }
    let replicas = replicas(&cluster.session, keyspace, &cluster.datacenter, consistency).await;
    if replicas == Some(1) {
        promises.warnings.push(format!(
            "the keyspace {keyspace} has one replica: its messages are lost with the disk of the node \
             that has them, and cannot be reached while that node is away"
        ));
    }
    let largest = nodes.iter().filter_map(|(_, settings)| largest_write(settings)).min();
    promises.limit = largest.filter(|size| *size < LARGEST_WRITE).map(|size| {
        format!(
            "the cluster takes no write above {size} bytes, so larger messages are refused; set \
             commitlog_segment_size to 16MiB or more"
        )
    });
    promises
}

/// Bytes that one write may have.
fn largest_write(settings: &Settings) -> Option<u64> {
    let size = |name: &str| settings.get(name).and_then(|size| bytes(size));
    size("max_mutation_size").or_else(|| size("commitlog_segment_size").map(|size| size / 2))
}

/// The settings of every node that can be asked. ScyllaDB keeps them in a table of another name.
async fn settings(session: &Session) -> Vec<(String, Settings)> {
    let mut all = Vec::new();
    for node in session.get_cluster_state().get_nodes_info() {
        let name = node.address.to_string();
        for table in ["system_views.settings", "system.config"] {
            let mut statement = Statement::new(format!("SELECT name, value FROM {table}"));
            let node = NodeIdentifier::Node(node.clone());
            let policy = SingleTargetLoadBalancingPolicy::new(node, None);
            statement.set_load_balancing_policy(Some(policy));
            statement.set_consistency(statement::Consistency::One);
            if let Some(settings) = read(session, statement).await {
                all.push((name, settings));
                break;
            }
        }
    }
    all
}

async fn read(session: &Session, statement: Statement) -> Option<Settings> {
    let result = session.query_unpaged(statement, ()).await.ok()?.into_rows_result().ok()?;
    let rows = result.rows::<(String, Option<String>)>().ok()?;
    let rows = rows.flatten();
    Some(rows.filter_map(|(name, value)| Some((name, value?.trim_matches('"').into()))).collect())
}

/// Copies of each message that are asked for: in the data center, or in all of them.
async fn replicas(
    session: &Session,
    keyspace: &str,
    datacenter: &str,
    consistency: Consistency,
) -> Option<u32> {
    let text = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?";
    let result = session.query_unpaged(text, (keyspace,)).await.ok()?.into_rows_result().ok()?;
    let (replication,) = result.first_row::<(BTreeMap<String, String>,)>().ok()?;
    if let Some(factor) = replication.get("replication_factor") {
        return factor.parse().ok();
    }
    if consistency == Consistency::LocalQuorum {
        return replication.get(datacenter)?.parse().ok();
    }
    let factors = replication.iter().filter(|(name, _)| *name != "class");
    factors.map(|(_, factor)| factor.parse::<u32>().ok()).sum()
}

/// A size as servers write it: a number, which may have a unit.
fn bytes(size: &str) -> Option<u64> {
    let digits = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.trim().parse().ok()?;
    let unit = match &size[digits.len()..] {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("32MiB"), Some(32 << 20));
        assert_eq!(bytes("4096"), Some(4_096));
        assert_eq!(bytes("16 KiB"), Some(16 << 10));
        assert_eq!([bytes("null"), bytes("3 lots"), bytes("")], [None; 3]);
    }

    #[test]
    fn the_largest_write_is_half_a_segment_unless_it_is_said() {
        let mut settings = Settings::from([("commitlog_segment_size".into(), "16MiB".into())]);
        assert_eq!(largest_write(&settings), Some(8 << 20));
        settings.insert("max_mutation_size".into(), "1MiB".into());
        assert_eq!(largest_write(&settings), Some(1 << 20));
        settings.insert("max_mutation_size".into(), "null".into());
        assert_eq!(largest_write(&settings), Some(8 << 20));
    }
}
