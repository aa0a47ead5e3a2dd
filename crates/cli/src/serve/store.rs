//! From settings to an open store.

use crate::settings::Settings;
use anyhow::Result;
use broker_storage::{OpenObserver, Opened};

/// Opens the store.
pub async fn open(settings: &Settings, observer: &dyn OpenObserver) -> Result<Opened> {
    Ok(broker_storage::open(settings.store(), observer).await?)
}
