//! From settings to an open store.

use super::settings::{Settings, StorageKind};
use anyhow::{Result, bail};
use broker_core::Storage;
use broker_storage::{MemoryConfig, MemoryStorage};
use std::sync::Arc;

pub async fn open(settings: &Settings) -> Result<Arc<dyn Storage>> {
    match settings.storage() {
        StorageKind::Memory => Ok(Arc::new(MemoryStorage::new(MemoryConfig::default()))),
        StorageKind::Local => bail!("{}", settings.data_dir().display()),
    }
}
