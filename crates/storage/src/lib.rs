//! Where messages rest: the stores of the broker, and decorators over any of them.
//!
//! Each keeps the contract of [`broker_core::Storage`]; the conformance suite in `tests/` stamps the
//! same named tests on all of them.

pub mod memory;

pub use memory::{MemoryConfig, MemoryStorage};
