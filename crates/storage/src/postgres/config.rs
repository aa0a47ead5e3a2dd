//! How the PostgreSQL store is set.

use crate::{DatabaseTimes, Secret, Tls};
use std::time::Duration;

/// Where the database is and how it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresConfig {
    /// A name or an address, or the directory of a Unix socket if it begins with a slash.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The database, which must be there.
    pub database: String,
    /// Who connects.
    pub user: String,
    /// With which password, if one is asked for.
    pub password: Option<Secret>,
    /// The schema that holds the broker's tables; made if it is missing.
    pub schema: String,
    /// How connections are protected.
    pub tls: Tls,
    /// Connections that write, each with one transaction at a time. At least 1.
    pub writers: usize,
    /// Connections that read. At least 1.
    pub readers: usize,
    /// Bytes of messages that wait for a writer; at the limit appends are refused as full. At least
    /// what the core accepts (`broker_core::Limits::queued_bytes`).
    pub queue_bytes: usize,
    /// Messages whose lifetimes are up to eight times this share tables that span this much time, and
    /// space is given back table by table; longer lifetimes share longer spans. At least 1 ns.
    pub shortest_bucket: Duration,
    /// Times of waiting.
    pub times: DatabaseTimes,
}

impl Default for PostgresConfig {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 5432,
            database: "broker".into(),
            user: "broker".into(),
            password: None,
            schema: "broker".into(),
            tls: Tls::Off,
            writers: 4,
            readers: 4,
            queue_bytes: 64 * 1024 * 1024,
            shortest_bucket: Duration::from_secs(60),
            times: DatabaseTimes::default(),
        }
    }
}
