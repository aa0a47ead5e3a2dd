//! How many spans went where, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Spans since the start. Each that ended is in one of them, or waits to be exported.
#[derive(Debug, Default)]
pub struct SpanCounts {
    /// Taken by the collector.
    pub exported: AtomicU64,
    /// Not even tried: the queue was full.
    pub dropped: AtomicU64,
    /// Not taken by the collector, after repeated tries.
    pub failed: AtomicU64,
}

/// What becomes of a span, in the order of [`SpanCounts::all`].
pub const SPAN_OUTCOMES: [&str; 3] = ["exported", "dropped", "failed"];

impl SpanCounts {
    /// All of them as they are now.
    pub fn all(&self) -> [u64; 3] {
        [&self.exported, &self.dropped, &self.failed].map(read)
    }
}

/// The number now.
pub fn read(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

/// Adds to it.
pub fn add(count: &AtomicU64, spans: usize) {
    count.fetch_add(spans as u64, Ordering::Relaxed);
}
