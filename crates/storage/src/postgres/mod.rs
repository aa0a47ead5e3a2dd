//! Messages in PostgreSQL.

mod config;

pub use config::PostgresConfig;

use crate::{OpenError, OpenObserver, Opened};

/// Connects, makes what is missing, becomes the owner and opens the store.
///
/// # Errors
/// One sentence on what stands against it.
pub async fn open(
    config: PostgresConfig,
    observer: &dyn OpenObserver,
) -> Result<Opened, OpenError> {
    let _ = (config, observer);
    Err(OpenError::Database("not built yet".into()))
}
