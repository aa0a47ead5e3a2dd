//! How much of the limits is in use, for whoever asks.

use tokio::sync::Semaphore;

/// One limit and what is used of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Its name: that of the field of [`crate::Limits`], or of another crate's limits.
    pub limit: &'static str,
    /// What is in use now: bytes where the name says so, otherwise things. It may be a little above
    /// `most` where the limit is kept by giving back what is too much.
    pub used: u64,
    /// What may be.
    pub most: u64,
}

impl Usage {
    /// A limit that counts.
    #[must_use]
    pub fn new(limit: &'static str, used: usize, most: usize) -> Self {
        Self { limit, used: used as u64, most: most as u64 }
    }

    /// A limit that is kept by permits.
    #[must_use]
    pub fn of(limit: &'static str, permits: &Semaphore, most: usize) -> Self {
        Self::new(limit, most.saturating_sub(permits.available_permits()), most)
    }
}
