//! Messages in Apache Cassandra or ScyllaDB.

mod config;

pub use config::{CassandraConfig, Consistency, Replication};

use crate::{OpenError, OpenObserver, Opened};

/// Connects, makes what is missing, becomes the owner and opens the store.
///
/// # Errors
/// One sentence on what stands against it.
pub async fn open(
    config: CassandraConfig,
    observer: &dyn OpenObserver,
) -> Result<Opened, OpenError> {
    let _ = (config, observer);
    Err(OpenError::Database("not built yet".into()))
}
