//! What a store asks of what lies beneath it.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a store has asked of its disk or database since it was opened.
#[derive(Debug, Default)]
pub struct Activity {
    syncs: AtomicU64,
    written: AtomicU64,
    statements: AtomicU64,
    round_trips: AtomicU64,
}

impl Activity {
    /// Syncs of files (fdatasync) and of the directory.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Bytes handed to the system for writing.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Statements that a database was asked to run.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Times that a database was asked and its answer waited for; statements sent together are one.
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::Relaxed)
    }

    pub(crate) fn count_sync(&self) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_written(&self, bytes: u64) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
    }

    #[cfg(any(feature = "postgres", feature = "cassandra"))]
    pub(crate) fn count_statements(&self, statements: u64) {
        self.statements.fetch_add(statements, Ordering::Relaxed);
        self.round_trips.fetch_add(1, Ordering::Relaxed);
    }
}
