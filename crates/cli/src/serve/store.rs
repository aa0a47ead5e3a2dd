//! From settings to an open store.

use super::settings::{Settings, StorageKind};
use anyhow::{Context, Result};
use broker_storage::{MemoryConfig, Opened, StorageConfig};

/// Opens the store, on a thread where it may wait for the disk.
pub async fn open(settings: &Settings) -> Result<Opened> {
    let config = config(settings);
    let opening = tokio::task::spawn_blocking(move || broker_storage::open(config));
    Ok(opening.await.context("opening the store was cut off")??)
}

fn config(settings: &Settings) -> StorageConfig {
    match settings.storage() {
        StorageKind::Memory | StorageKind::Local => StorageConfig::Memory(MemoryConfig::default()),
    }
}
