//! Where messages rest: the stores of the broker, and decorators over any of them.
//!
//! Each keeps the contract of [`broker_core::Storage`]; the conformance suite in `tests/` stamps the
//! same named tests on all of them.

mod activity;
#[cfg(feature = "cassandra")]
pub mod cassandra;
#[cfg(any(feature = "postgres", feature = "cassandra"))]
pub mod ceiling;
mod database;
pub mod faulty;
pub mod local;
pub mod memory;
pub mod observed;
mod open;
mod operation;
#[cfg(any(feature = "postgres", feature = "cassandra"))]
pub mod ownership;
#[cfg(feature = "postgres")]
pub mod postgres;
mod probe;
mod secret;
mod tls;
mod trace;
mod vitals;

pub use activity::{Activity, ActivityObserver};
#[cfg(feature = "cassandra")]
pub use cassandra::{CassandraConfig, Consistency, Replication};
pub use database::DatabaseTimes;
pub use faulty::Faulty;
pub use local::{LocalConfig, LocalOpenError, LocalStorage, Recovery};
pub use memory::{MemoryConfig, MemoryStorage};
pub use observed::{Observed, Outcome, StorageCall, StorageObserver};
pub use open::{NoOpenObserver, OpenError, OpenObserver, Opened, StorageConfig, open};
pub use operation::Operation;
#[cfg(feature = "postgres")]
pub use postgres::PostgresConfig;
pub use probe::{Probe, probe};
pub use secret::Secret;
pub use tls::Tls;
pub use vitals::{Connections, DiskSpace, Inspect, Segments, Vitals};
