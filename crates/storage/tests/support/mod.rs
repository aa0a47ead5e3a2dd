//! What the tests of every store share.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of this")]

mod bench;
#[cfg(feature = "databases")]
mod databases;
mod files;
mod messages;
mod stores;

pub use bench::Bench;
#[cfg(feature = "databases")]
pub use databases::{Cassandra, Postgres, PostgresPieces};
pub use messages::{expiring, kept, message, subject, with_body, with_headers};
pub use stores::{Local, Memory, Restart, StoreUnderTest, chance, faulty, observed, scripted};
