//! Where messages rest: the stores of the broker, and decorators over any of them.
//!
//! Each keeps the contract of [`broker_core::Storage`]; the conformance suite in `tests/` stamps the
//! same named tests on all of them.

pub mod faulty;
pub mod local;
pub mod memory;
pub mod observed;
mod open;
mod operation;

pub use faulty::Faulty;
pub use local::{Activity, LocalConfig, LocalOpenError, LocalStorage, Recovery};
pub use memory::{MemoryConfig, MemoryStorage};
pub use observed::{Observed, Outcome, StorageCall, StorageObserver};
pub use open::{OpenError, Opened, StorageConfig, open};
pub use operation::Operation;
