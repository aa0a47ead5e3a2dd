//! How the Cassandra store is set.

use crate::{DatabaseTimes, Secret, Tls};

/// Where the cluster is and how it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CassandraConfig {
    /// Names or addresses of nodes to begin with, each with `:port` where it is not [`Self::port`].
    pub hosts: Vec<String>,
    /// The port of hosts that name none.
    pub port: u16,
    /// The keyspace that holds the broker's tables; made if it is missing and may be made.
    pub keyspace: String,
    /// Who connects, if somebody must.
    pub user: Option<String>,
    /// With which password.
    pub password: Option<Secret>,
    /// How connections are protected.
    pub tls: Tls,
    /// The data center of this broker, for `LOCAL_QUORUM`; `None`: that of the first host reached.
    pub datacenter: Option<String>,
    /// Replicas of a keyspace that is made here.
    pub replication: Replication,
    /// How many replicas must have a write, or be asked for a read.
    pub consistency: Consistency,
    /// Bytes of messages being written; at the limit appends are refused as full. At least what the
    /// core accepts (`broker_core::Limits::queued_bytes`).
    pub queue_bytes: usize,
    /// Times of waiting.
    pub times: DatabaseTimes,
}

/// How many replicas a keyspace has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replication {
    /// So many, wherever (`SimpleStrategy`).
    Simple(u32),
    /// So many in each of these data centers (`NetworkTopologyStrategy`).
    Topology(Vec<(String, u32)>),
}

/// How many replicas answer for all. Reads and writes must overlap, or acknowledged messages could be
/// missing from a read; so weaker levels are not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// Most of those in this broker's data center.
    LocalQuorum,
    /// Most of all.
    Quorum,
    /// All.
    All,
}

impl Default for CassandraConfig {
    fn default() -> Self {
        Self {
            hosts: vec!["127.0.0.1".into()],
            port: 9042,
            keyspace: "broker".into(),
            user: None,
            password: None,
            tls: Tls::Off,
            datacenter: None,
            replication: Replication::Simple(1),
            consistency: Consistency::LocalQuorum,
            queue_bytes: 64 * 1024 * 1024,
            times: DatabaseTimes::default(),
        }
    }
}
