//! From a setting to a store: the only place that knows all kinds.

use crate::{
    Activity, Inspect, LocalConfig, LocalOpenError, LocalStorage, MemoryConfig, MemoryStorage,
};
#[cfg(feature = "cassandra")]
use crate::{CassandraConfig, cassandra};
#[cfg(feature = "postgres")]
use crate::{PostgresConfig, postgres};
use broker_core::Storage;
use std::{fmt, sync::Arc};

/// Which store, and how it is set.
#[derive(Debug, Clone)]
pub enum StorageConfig {
    /// The process's memory.
    Memory(MemoryConfig),
    /// The local disk.
    Local(LocalConfig),
    /// PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(PostgresConfig),
    /// Apache Cassandra or ScyllaDB.
    #[cfg(feature = "cassandra")]
    Cassandra(CassandraConfig),
}

/// A store that is open.
pub struct Opened {
    /// The store.
    pub storage: Arc<dyn Storage>,
    /// What was found and mended while opening it, for the log.
    pub recovery: String,
    /// What the store has asked of the disk or the database so far; nothing where it has none.
    pub activity: Arc<Activity>,
    /// The same store, for who asks how it is.
    pub inspect: Arc<dyn Inspect>,
    /// Where an acknowledgement is worth less than it should be, because of how the database is set: one
    /// sentence each, for the log and for `/readyz`.
    pub warnings: Vec<String>,
}

/// Hears how a store is being opened, which may take as long as another broker owns it.
pub trait OpenObserver: Send + Sync {
    /// A step is done: a sentence for the log.
    fn reached(&self, step: &str);

    /// What is in a store that is open without having been waited for: a sentence for a broker's log.
    fn found(&self, sentence: &str) {
        let _ = sentence;
    }

    /// The database cannot be reached; it is tried again. Said at every try.
    fn away(&self, why: &str);

    /// Another broker owns the store (what is known of it); this one stands by. Said once each time that
    /// it begins to stand by.
    fn standing_by(&self, owner: &str);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoOpenObserver;

impl OpenObserver for NoOpenObserver {
    fn reached(&self, _: &str) {}
    fn away(&self, _: &str) {}
    fn standing_by(&self, _: &str) {}
}

/// Why a store did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The local store's word.
    #[error(transparent)]
    Local(#[from] LocalOpenError),
    /// What stands against using a database: one sentence, and what to do about it.
    #[error("{0}")]
    Database(String),
}

/// Opens the store that is asked for. Dropping the future gives up.
///
/// # Errors
/// One sentence on what stands against it.
pub async fn open(config: StorageConfig, observer: &dyn OpenObserver) -> Result<Opened, OpenError> {
    match config {
        StorageConfig::Memory(config) => {
            let storage = Arc::new(MemoryStorage::new(config));
            Ok(Opened {
                inspect: storage.clone(),
                storage,
                recovery: "the memory store starts empty".into(),
                activity: Arc::default(),
                warnings: Vec::new(),
            })
        }
        StorageConfig::Local(config) => {
            // It may wait for the disk for long.
            let opening = tokio::task::spawn_blocking(move || LocalStorage::open(&config));
            let (storage, recovery) = match opening.await {
                Ok(opened) => opened?,
                Err(cut) => std::panic::resume_unwind(cut.into_panic()),
            };
            let storage = Arc::new(storage);
            recovery.steps().iter().for_each(|step| observer.found(step));
            Ok(Opened {
                activity: storage.activity(),
                inspect: storage.clone(),
                storage,
                recovery: recovery.to_string(),
                warnings: Vec::new(),
            })
        }
        #[cfg(feature = "postgres")]
        StorageConfig::Postgres(config) => postgres::open(config, observer).await,
        #[cfg(feature = "cassandra")]
        StorageConfig::Cassandra(config) => cassandra::open(config, observer).await,
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("recovery", &self.recovery).finish_non_exhaustive()
    }
}
