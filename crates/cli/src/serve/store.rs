//! From settings to an open store.

use crate::settings::Settings;
use anyhow::Result;
use broker_storage::{NoOpenObserver, Opened};

/// Opens the store.
pub async fn open(settings: &Settings) -> Result<Opened> {
    Ok(broker_storage::open(settings.store(), &NoOpenObserver).await?)
}
