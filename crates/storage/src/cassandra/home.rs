//! The data center whose nodes are asked, and counted as local.

use super::{CassandraConfig, Consistency, connection::Cluster};
use scylla::cluster::metadata::Strategy;
use std::collections::BTreeSet;

/// Whether the broker's data center is one of the cluster's.
///
/// # Errors
/// One sentence that names those.
pub fn check(cluster: &Cluster) -> Result<(), String> {
    let (wanted, centers) = (&cluster.datacenter, centers(cluster));
    if centers.contains(wanted) {
        return Ok(());
    }
    Err(format!("the cluster has no data center {wanted}, but {}", listed(&centers)))
}

/// The data center to stay in; `None` where any node may be asked. The driver must know the keyspace.
///
/// # Errors
/// One sentence on why reads and writes would not overlap.
pub fn choose(cluster: &Cluster, config: &CassandraConfig) -> Result<Option<String>, String> {
    let state = cluster.session.get_cluster_state();
    let keyspace = state.get_keyspace(&config.keyspace);
    let is_simple = keyspace
        .is_some_and(|keyspace| matches!(keyspace.strategy, Strategy::SimpleStrategy { .. }));
    decide(&cluster.datacenter, &centers(cluster), is_simple, config)
}

fn decide(
    home: &str,
    centers: &BTreeSet<String>,
    is_simple: bool,
    config: &CassandraConfig,
) -> Result<Option<String>, String> {
    if !is_simple {
        return Ok(Some(home.to_owned()));
    }
    if centers.len() > 1 && config.consistency == Consistency::LocalQuorum {
        return Err(format!(
            "the keyspace {} is replicated by SimpleStrategy, which knows no data centers, and the \
             cluster has several ({}): give it NetworkTopologyStrategy, or set cassandra-consistency \
             to quorum",
            config.keyspace,
            listed(centers)
        ));
    }
    // The driver warns at every statement that such a keyspace goes with no data center.
    Ok(None)
}

fn centers(cluster: &Cluster) -> BTreeSet<String> {
    let state = cluster.session.get_cluster_state();
    state.get_nodes_info().iter().filter_map(|node| node.datacenter.clone()).collect()
}

fn listed(centers: &BTreeSet<String>) -> String {
    centers.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(
        centers: &[&str],
        is_simple: bool,
        consistency: Consistency,
    ) -> Option<Option<String>> {
        let config = CassandraConfig { consistency, ..CassandraConfig::default() };
        let centers = centers.iter().map(|center| (*center).to_owned()).collect();
        decide("a", &centers, is_simple, &config).ok()
    }

    #[test]
    fn a_data_center_is_home_where_replicas_are_placed_by_it() {
        use Consistency::{All, LocalQuorum, Quorum};
        let home = Some(Some("a".to_owned()));
        for consistency in [LocalQuorum, Quorum, All] {
            assert_eq!(decided(&["a", "b"], false, consistency), home);
            assert_eq!(decided(&["a"], true, consistency), Some(None));
        }
        assert_eq!(decided(&["a", "b"], true, LocalQuorum), None, "local to whom?");
        assert_eq!(decided(&["a", "b"], true, Quorum), Some(None));
    }
}
