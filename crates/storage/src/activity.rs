//! What a store asks of what lies beneath it.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// Hears of a store's work on its disk or database. On hot paths: implementations count and return.
pub trait ActivityObserver: Send + Sync + 'static {
    /// So many messages were made safe together, by one sync or one statement, within this time.
    fn committed(&self, messages: usize, took: Duration);
    /// A file or the directory was synced.
    fn synced(&self, took: Duration);
}

/// What a store has asked of its disk or database since it was opened.
#[derive(Default)]
pub struct Activity {
    syncs: AtomicU64,
    written: AtomicU64,
    statements: AtomicU64,
    round_trips: AtomicU64,
    sweeps: AtomicU64,
    swept_messages: AtomicU64,
    swept_bytes: AtomicU64,
    connections: AtomicUsize,
    observer: OnceLock<Arc<dyn ActivityObserver>>,
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

    /// Times that mostly dead files were copied forward.
    #[must_use]
    pub fn sweeps(&self) -> u64 {
        self.sweeps.load(Ordering::Relaxed)
    }

    /// Messages that were copied so.
    #[must_use]
    pub fn swept_messages(&self) -> u64 {
        self.swept_messages.load(Ordering::Relaxed)
    }

    /// Bytes of the files that were written so.
    #[must_use]
    pub fn swept_bytes(&self) -> u64 {
        self.swept_bytes.load(Ordering::Relaxed)
    }

    /// Connections to a database that are open; drivers that keep them to themselves count none.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// From now on this one hears of what is done; only the first is listened to.
    pub fn observed_by(&self, observer: Arc<dyn ActivityObserver>) {
        // The first one stays.
        let _ = self.observer.set(observer);
    }

    pub(crate) fn count_commit(&self, messages: usize, took: Duration) {
        if let Some(observer) = self.observer.get() {
            observer.committed(messages, took);
        }
    }

    /// Syncs, and counts that.
    pub(crate) fn sync<T>(&self, sync: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let synced = sync();
        self.syncs.fetch_add(1, Ordering::Relaxed);
        if let Some(observer) = self.observer.get() {
            observer.synced(begun.elapsed());
        }
        synced
    }

    pub(crate) fn count_sweep(&self, messages: u64, bytes: u64) {
        self.sweeps.fetch_add(1, Ordering::Relaxed);
        self.swept_messages.fetch_add(messages, Ordering::Relaxed);
        self.swept_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn count_written(&self, bytes: u64) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
    }

    #[cfg(any(feature = "postgres", feature = "cassandra"))]
    pub(crate) fn count_statements(&self, statements: u64) {
        self.statements.fetch_add(statements, Ordering::Relaxed);
        self.round_trips.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg(feature = "postgres")]
    pub(crate) fn count_opened(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg(feature = "postgres")]
    pub(crate) fn count_closed(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Activity")
            .field("syncs", &self.syncs())
            .field("written", &self.written())
            .field("statements", &self.statements())
            .field("round_trips", &self.round_trips())
            .finish_non_exhaustive()
    }
}
