//! From settings to an open store.

use crate::settings::Settings;
use anyhow::{Context, Result};
use broker_storage::Opened;

/// Opens the store, on a thread where it may wait for the disk.
pub async fn open(settings: &Settings) -> Result<Opened> {
    let config = settings.store();
    let opening = tokio::task::spawn_blocking(move || broker_storage::open(config));
    Ok(opening.await.context("opening the store was cut off")??)
}
