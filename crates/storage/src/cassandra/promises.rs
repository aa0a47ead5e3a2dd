//! Whether the cluster is set so that an acknowledgement is worth what it should be.

use super::{Consistency, connection::Cluster};
use scylla::client::session::Session;
use std::collections::BTreeMap;

/// A message's row has its content twice on its way to a log segment of which it may take half.
const LARGEST_MESSAGE: u64 = 4 * 1024 * 1024 + 64 * 1024;

/// One sentence for each way in which an acknowledgement is worth less than it should be. What cannot be
/// read is not guessed.
pub async fn warnings(cluster: &Cluster, keyspace: &str, consistency: Consistency) -> Vec<String> {
    let mut warnings = Vec::new();
    let settings = settings(&cluster.session).await;
    if let Some(sync) = settings.get("commitlog_sync")
        && sync == "periodic"
    {
        warnings.push(
            "the cluster acknowledges writes before they are on disk (commitlog_sync: periodic): \
             acknowledged messages are lost when as many nodes as must have a write fail at once; set \
             commitlog_sync to batch or group on every node"
                .to_owned(),
        );
    }
    let replicas = replicas(&cluster.session, keyspace, &cluster.datacenter, consistency).await;
    if replicas == Some(1) {
        warnings.push(format!(
            "the keyspace {keyspace} has one replica: its messages are lost with the disk of the node \
             that has them, and cannot be reached while that node is away"
        ));
    }
    warnings
}

/// Bytes that one write may have, if the cluster says so.
pub async fn largest_write(session: &Session) -> Option<u64> {
    let settings = settings(session).await;
    let given = settings.get("max_mutation_size").and_then(|size| bytes(size));
    given.or_else(|| {
        settings.get("commitlog_segment_size").and_then(|size| bytes(size)).map(|size| size / 2)
    })
}

/// What is to be said of the largest message, if the cluster does not take it.
pub fn too_small(largest_write: u64) -> Option<String> {
    (largest_write < LARGEST_MESSAGE).then(|| {
        format!(
            "the cluster takes no write above {largest_write} bytes, so larger messages are refused; \
             set commitlog_segment_size to 16MiB or more"
        )
    })
}

/// A node's settings; ScyllaDB keeps them elsewhere and has no periodic log of that name.
async fn settings(session: &Session) -> BTreeMap<String, String> {
    let text = "SELECT name, value FROM system_views.settings";
    let Ok(result) = session.query_unpaged(text, ()).await else { return BTreeMap::new() };
    let Ok(result) = result.into_rows_result() else { return BTreeMap::new() };
    let Ok(rows) = result.rows::<(String, Option<String>)>() else { return BTreeMap::new() };
    rows.flatten().filter_map(|(name, value)| Some((name, value?))).collect()
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
        assert!(too_small(2 << 20).is_some());
        assert!(too_small(16 << 20).is_none());
    }
}
