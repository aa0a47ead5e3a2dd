//! The keyspace and its tables.

use super::{CassandraConfig, Replication, database::odd, failure::Failure, shelf::Class};
use crate::{OpenError, OpenObserver};
use broker_core::{SystemTime, TimeSource};
use scylla::{client::session::Session, statement::Statement};
use std::collections::BTreeSet;

/// Tombstones are kept for as long as a replica may be away before it must be repaired.
const GRACE: &str = "gc_grace_seconds = 864000";
/// What lives shortly is not worth that: its replicas forget it by themselves.
const SHORT_GRACE: &str = "gc_grace_seconds = 86400";

/// A name as the query language wants it, whatever is in it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The statement that makes the keyspace.
fn keyspace(config: &CassandraConfig) -> String {
    let replication = match &config.replication {
        Replication::Simple(replicas) => {
            format!("'class': 'SimpleStrategy', 'replication_factor': {replicas}")
        }
        Replication::Topology(centers) => {
            let centers = centers.iter().map(|(center, replicas)| {
                format!(", '{}': {replicas}", center.replace('\'', "''"))
            });
            format!("'class': 'NetworkTopologyStrategy'{}", centers.collect::<String>())
        }
    };
    let name = quoted(&config.keyspace);
    format!("CREATE KEYSPACE IF NOT EXISTS {name} WITH replication = {{{replication}}}")
}

/// The tables and the statements that make them.
///
/// - `owner`: who owns the store, changed by lightweight transactions only (owner.rs).
/// - `facts`: the latest time that is kept (register.rs), the shelves in use (facts.rs) and the periods of
///   which `due` has rows (due.rs).
/// - `subjects`: what is known of a subject's ids (ledger.rs), spread over 64 partitions.
/// - `partitions`: the partitions of a subject's messages, so that reading skips what is gone.
/// - `due`: partitions of the endless table with messages that expire some day.
/// - `messages_*`: the messages, one table for each class of lifetimes (shelf.rs).
fn tables(keyspace: &str) -> Vec<(&'static str, String)> {
    let keyspace = quoted(keyspace);
    let table = |name: &'static str, columns: &str, options: &str| {
        let text =
            format!("CREATE TABLE IF NOT EXISTS {keyspace}.{name} ({columns}) WITH {options}");
        (name, text)
    };
    let mut tables = vec![
        table(
            "owner",
            "shard int PRIMARY KEY, epoch bigint, beat bigint, holder text, is_free boolean, \
             lease_ms bigint, ceiling bigint",
            GRACE,
        ),
        table(
            "facts",
            "shard int, kind text, number bigint, value blob, PRIMARY KEY (shard, kind, number)",
            GRACE,
        ),
        table(
            "subjects",
            "slot int, subject blob, reserved bigint, settled bigint, last bigint, \
             recorded_at timestamp, PRIMARY KEY (slot, subject)",
            GRACE,
        ),
        table(
            "partitions",
            "subject blob, bucket bigint, class tinyint, PRIMARY KEY (subject, bucket, class)",
            SHORT_GRACE,
        ),
        table(
            "due",
            "period int, subject blob, bucket bigint, PRIMARY KEY (period, subject, bucket)",
            GRACE,
        ),
    ];
    let columns = "subject blob, bucket bigint, id bigint, published_at bigint, expires_at bigint, \
                   headers blob, body blob, size int, PRIMARY KEY ((subject, bucket), id)";
    tables.extend(Class::ALL.map(|class| table(class.table(), columns, &options(class))));
    tables
}

/// What expires is grouped by the time of its writing, 24 to 80 groups over the longest life of a row, so
/// that whole files are dropped when their last row has expired.
fn options(class: Class) -> String {
    let windows = |unit: &str, size: u32, grace: &str| {
        format!(
            "compaction = {{'class': 'TimeWindowCompactionStrategy', \
             'compaction_window_unit': '{unit}', 'compaction_window_size': {size}}} AND {grace}"
        )
    };
    match class {
        Class::Day => windows("HOURS", 2, SHORT_GRACE),
        Class::Month => windows("DAYS", 1, GRACE),
        Class::Years => windows("DAYS", 60, GRACE),
        Class::Endless => GRACE.to_owned(),
    }
}

/// Every statement, for somebody who has the rights to run them.
fn statements(config: &CassandraConfig) -> String {
    let tables = tables(&config.keyspace);
    let tables = tables.iter().map(|(_, text)| format!("{text};\n"));
    format!("{};\n{}", keyspace(config), tables.collect::<String>())
}

/// Makes what is missing, for as long as a start may wait. Whether anything was.
///
/// # Errors
/// What the database said, and the statements that somebody else may run.
pub async fn ensure(
    session: &Session,
    config: &CassandraConfig,
    observer: &dyn OpenObserver,
) -> Result<bool, OpenError> {
    let end = SystemTime.monotonic() + config.times.start;
    loop {
        let why = match make(session, config).await {
            Ok(was_missing) => return Ok(was_missing),
            Err(Failure::Unknown(why)) if SystemTime.monotonic() < end => why,
            Err(failure) => {
                let name = quoted(&config.keyspace);
                return Err(OpenError::Database(format!(
                    "the keyspace {name} and its tables could not be made ({failure}); let somebody \
                     run these statements who may, then start again:\n{}",
                    statements(config)
                )));
            }
        };
        observer.away(&why);
    }
}

async fn make(session: &Session, config: &CassandraConfig) -> Result<bool, Failure> {
    let there = existing(session, &config.keyspace).await?;
    let missing: Vec<_> = tables(&config.keyspace)
        .into_iter()
        .filter(|(name, _)| !there.contains(*name))
        .map(|(_, text)| text)
        .collect();
    if missing.is_empty() {
        return Ok(false);
    }
    let change = |text: String| {
        let mut statement = Statement::new(text);
        // Nodes sync and agree on each change.
        statement.set_request_timeout(Some(config.times.start));
        session.query_unpaged(statement, ())
    };
    if there.is_empty() && !has_keyspace(session, &config.keyspace).await? {
        change(keyspace(config)).await?;
    }
    // One after the other: servers do not like changes of a schema that race.
    for text in missing {
        change(text).await?;
    }
    Ok(true)
}

async fn existing(session: &Session, keyspace: &str) -> Result<BTreeSet<String>, Failure> {
    let text = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
    names(session, text, keyspace).await
}

async fn has_keyspace(session: &Session, keyspace: &str) -> Result<bool, Failure> {
    let text = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?";
    Ok(!names(session, text, keyspace).await?.is_empty())
}

async fn names(session: &Session, text: &str, keyspace: &str) -> Result<BTreeSet<String>, Failure> {
    let result = session.query_unpaged(text, (keyspace,)).await?;
    let result = result.into_rows_result().map_err(odd)?;
    let rows = result.rows::<(String,)>().map_err(odd)?;
    rows.map(|row| row.map(|(name,)| name).map_err(odd)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_whatever_is_in_them() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        let replication = Replication::Topology(vec![("d'c".into(), 3), ("e".into(), 2)]);
        let config = CassandraConfig { replication, ..CassandraConfig::default() };
        assert_eq!(
            keyspace(&config),
            "CREATE KEYSPACE IF NOT EXISTS \"broker\" WITH replication = \
             {'class': 'NetworkTopologyStrategy', 'd''c': 3, 'e': 2}"
        );
    }
}
