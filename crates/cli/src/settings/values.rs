//! The values that the broker runs with.

#[cfg(any(feature = "postgres", feature = "cassandra"))]
use super::databases::access::Access;
#[cfg(feature = "cassandra")]
use super::databases::cassandra::Cassandra;
#[cfg(feature = "postgres")]
use super::databases::postgres::Postgres;
use super::{
    choices::{LogFormat, StorageKind},
    traces::Traces,
};
use broker_core::Limits;
use broker_server::{ServerConfig, ServerLimits};
#[cfg(any(feature = "postgres", feature = "cassandra"))]
use broker_storage::DatabaseTimes;
use broker_storage::{LocalConfig, MemoryConfig, StorageConfig};
use std::{net::SocketAddr, time::Duration};

/// The settings of a broker, typed. The rows of the table write into it.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) storage: StorageKind,
    pub(super) local: LocalConfig,
    pub(super) memory: MemoryConfig,
    #[cfg(feature = "postgres")]
    pub(super) postgres: Postgres,
    #[cfg(feature = "cassandra")]
    pub(super) cassandra: Cassandra,
    #[cfg(any(feature = "postgres", feature = "cassandra"))]
    pub(super) times: DatabaseTimes,
    pub(super) limits: Limits,
    pub(super) server: ServerConfig,
    pub(super) log_level: String,
    pub(super) log_format: LogFormat,
    pub(super) takes_profiles: bool,
    pub(super) has_metrics: bool,
    pub(super) traces: Traces,
}

/// What holds without any row of the table.
impl Default for Settings {
    fn default() -> Self {
        Self {
            storage: StorageKind::Local,
            local: LocalConfig::new("./broker-data"),
            memory: MemoryConfig::default(),
            #[cfg(feature = "postgres")]
            postgres: Postgres::default(),
            #[cfg(feature = "cassandra")]
            cassandra: Cassandra::default(),
            #[cfg(any(feature = "postgres", feature = "cassandra"))]
            times: DatabaseTimes::default(),
            limits: Limits::default(),
            server: ServerConfig {
                listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
                admin_listen: SocketAddr::from(([127, 0, 0, 1], 9901)),
                web_origins: Vec::new(),
                grace: Duration::from_secs(30),
                limits: ServerLimits::default(),
            },
            log_level: "info".into(),
            log_format: LogFormat::Auto,
            takes_profiles: false,
            has_metrics: true,
            traces: Traces::default(),
        }
    }
}

impl Settings {
    /// The name of the kind of store.
    pub fn storage(&self) -> &'static str {
        self.storage.name()
    }

    /// The kind of store.
    pub fn kind(&self) -> StorageKind {
        self.storage
    }

    /// Longest time from the order to leave to the end.
    pub fn grace(&self) -> Duration {
        self.server.grace
    }

    /// Directives of the log.
    pub fn log_level(&self) -> &str {
        &self.log_level
    }

    /// Whether profiles may be taken.
    pub fn takes_profiles(&self) -> bool {
        self.takes_profiles
    }

    /// The form of the log.
    pub fn log_format(&self) -> LogFormat {
        self.log_format
    }

    /// Whether what happens is counted.
    pub fn has_metrics(&self) -> bool {
        self.has_metrics
    }

    /// What is traced, and where traces are sent.
    pub fn traces(&self) -> &Traces {
        &self.traces
    }

    /// What the store is told.
    pub fn store(&self) -> StorageConfig {
        match self.storage {
            StorageKind::Memory => StorageConfig::Memory(self.memory),
            StorageKind::Local => StorageConfig::Local(LocalConfig {
                // Whatever the core accepts must have room before the writer.
                queue_bytes: self.local.queue_bytes.max(self.limits.queued_bytes),
                ..self.local.clone()
            }),
            #[cfg(feature = "postgres")]
            StorageKind::Postgres => {
                let postgres = self.postgres.store(self.limits.queued_bytes, self.times);
                StorageConfig::Postgres(postgres)
            }
            #[cfg(feature = "cassandra")]
            StorageKind::Cassandra => {
                let cassandra = self.cassandra.store(self.limits.queued_bytes, self.times);
                StorageConfig::Cassandra(cassandra)
            }
        }
    }

    /// How the database is reached that is the store, if one is.
    #[cfg(any(feature = "postgres", feature = "cassandra"))]
    pub(super) fn access(&self) -> Option<&Access> {
        match self.storage {
            StorageKind::Memory | StorageKind::Local => None,
            #[cfg(feature = "postgres")]
            StorageKind::Postgres => Some(&self.postgres.access),
            #[cfg(feature = "cassandra")]
            StorageKind::Cassandra => Some(&self.cassandra.access),
        }
    }

    /// The same, to change it.
    #[cfg(any(feature = "postgres", feature = "cassandra"))]
    pub(super) fn access_mut(&mut self) -> Option<&mut Access> {
        match self.storage {
            StorageKind::Memory | StorageKind::Local => None,
            #[cfg(feature = "postgres")]
            StorageKind::Postgres => Some(&mut self.postgres.access),
            #[cfg(feature = "cassandra")]
            StorageKind::Cassandra => Some(&mut self.cassandra.access),
        }
    }

    /// What the core is told.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// What the door is told.
    pub fn server(&self) -> ServerConfig {
        self.server.clone()
    }
}
