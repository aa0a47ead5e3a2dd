//! What can be said of a store without opening it: nothing is made, changed or owned.

use crate::StorageConfig;
#[cfg(feature = "cassandra")]
use crate::cassandra;
use crate::local;
#[cfg(feature = "postgres")]
use crate::postgres;
use broker_core::Timestamp;

/// What was found of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probe {
    /// What is there and will do: one sentence each.
    pub found: Vec<String>,
    /// Where a promise is weaker than it should be, and what to do about it: one sentence each.
    pub warnings: Vec<String>,
    /// A time that the store has kept, the latest one that can be read without opening it.
    pub kept_time: Option<Timestamp>,
}

/// Looks at a store. A database is connected to once, within its own times of waiting.
///
/// # Errors
/// One sentence on what stands against opening it.
pub async fn probe(config: StorageConfig) -> Result<Probe, String> {
    match config {
        StorageConfig::Memory(_) => Ok(Probe::default()),
        StorageConfig::Local(config) => {
            let looking = tokio::task::spawn_blocking(move || local::probe(&config.directory));
            looking.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
        }
        #[cfg(feature = "postgres")]
        StorageConfig::Postgres(config) => postgres::probe(&config).await,
        #[cfg(feature = "cassandra")]
        StorageConfig::Cassandra(config) => cassandra::probe(&config).await,
    }
}
