//! What the stores over a database have in common.

#[cfg(any(feature = "postgres", feature = "cassandra"))]
mod causes;
#[cfg(any(feature = "postgres", feature = "cassandra"))]
mod detached;
#[cfg(any(feature = "postgres", feature = "cassandra"))]
mod word;

#[cfg(any(feature = "postgres", feature = "cassandra"))]
pub use causes::with_causes;
#[cfg(any(feature = "postgres", feature = "cassandra"))]
pub use detached::detached;
#[cfg(any(feature = "postgres", feature = "cassandra"))]
pub use word::{Answer, Word, whole};

use std::time::Duration;

/// Times that hold for every store over a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseTimes {
    /// How long a start waits for a database that cannot be reached before it gives up.
    pub start: Duration,
    /// How long opening a connection may take.
    pub connect: Duration,
    /// How long one statement may take. Shorter than the lease.
    pub statement: Duration,
    /// How long a message waits for a database that is away before it is refused as unavailable.
    pub unavailable: Duration,
    /// How long an owner that is not heard of stays the owner: a broker that stands by takes over after
    /// it saw no sign of life for this long.
    pub lease: Duration,
}

impl Default for DatabaseTimes {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(60),
            connect: Duration::from_secs(5),
            statement: Duration::from_secs(5),
            unavailable: Duration::from_secs(2),
            lease: Duration::from_secs(10),
        }
    }
}
