//! From a setting to a store: the only place that knows all kinds.

use crate::{Activity, LocalConfig, LocalOpenError, LocalStorage, MemoryConfig, MemoryStorage};
use broker_core::Storage;
use std::{fmt, sync::Arc};

/// Which store, and how it is set.
#[derive(Debug, Clone)]
pub enum StorageConfig {
    /// The process's memory.
    Memory(MemoryConfig),
    /// The local disk.
    Local(LocalConfig),
}

/// A store that is open.
pub struct Opened {
    /// The store.
    pub storage: Arc<dyn Storage>,
    /// What was found and mended while opening it, for the log.
    pub recovery: String,
    /// What the store has asked of the disk so far; nothing where it has none.
    pub activity: Arc<Activity>,
}

/// Why a store did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The local store's word.
    #[error(transparent)]
    Local(#[from] LocalOpenError),
}

/// Opens the store that is asked for. It may read and write files meanwhile.
///
/// # Errors
/// One sentence on what stands against it.
pub fn open(config: StorageConfig) -> Result<Opened, OpenError> {
    match config {
        StorageConfig::Memory(config) => Ok(Opened {
            storage: Arc::new(MemoryStorage::new(config)),
            recovery: "the memory store starts empty".into(),
            activity: Arc::default(),
        }),
        StorageConfig::Local(config) => {
            let (storage, recovery) = LocalStorage::open(&config)?;
            let activity = storage.activity();
            let recovery = recovery.to_string();
            Ok(Opened { storage: Arc::new(storage), recovery, activity })
        }
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("recovery", &self.recovery).finish_non_exhaustive()
    }
}
