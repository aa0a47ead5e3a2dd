//! The values that the broker runs with.

use super::choices::{LogFormat, StorageKind};
use broker_core::Limits;
use broker_server::{ServerConfig, ServerLimits};
use broker_storage::{LocalConfig, MemoryConfig, StorageConfig};
use std::{net::SocketAddr, time::Duration};

/// The settings of a broker, typed. The rows of the table write into it.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) storage: StorageKind,
    pub(super) local: LocalConfig,
    pub(super) memory: MemoryConfig,
    pub(super) limits: Limits,
    pub(super) server: ServerConfig,
    pub(super) log_level: String,
    pub(super) log_format: LogFormat,
}

/// What holds without any row of the table.
impl Default for Settings {
    fn default() -> Self {
        Self {
            storage: StorageKind::Local,
            local: LocalConfig::new("./broker-data"),
            memory: MemoryConfig::default(),
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
        }
    }
}

impl Settings {
    /// The name of the kind of store.
    pub fn storage(&self) -> &'static str {
        self.storage.name()
    }

    /// Longest time from the order to leave to the end.
    pub fn grace(&self) -> Duration {
        self.server.grace
    }

    /// Directives of the log.
    pub fn log_level(&self) -> &str {
        &self.log_level
    }

    /// The form of the log.
    pub fn log_format(&self) -> LogFormat {
        self.log_format
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
