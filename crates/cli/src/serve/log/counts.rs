//! How much was logged, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use tracing::Level;

/// Numbers that only grow.
#[derive(Debug, Default)]
pub struct LogCounts {
    errors: AtomicU64,
    warnings: AtomicU64,
    infos: AtomicU64,
    debugs: AtomicU64,
    traces: AtomicU64,
    dropped: AtomicU64,
}

impl LogCounts {
    /// Lines by the name of their level, those that were dropped included.
    pub fn lines(&self) -> [(&'static str, u64); 5] {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [
            ("error", read(&self.errors)),
            ("warn", read(&self.warnings)),
            ("info", read(&self.infos)),
            ("debug", read(&self.debugs)),
            ("trace", read(&self.traces)),
        ]
    }

    /// Lines that were dropped: whoever reads the log is too slow, or gone.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self, level: Level) {
        let count = match level {
            Level::ERROR => &self.errors,
            Level::WARN => &self.warnings,
            Level::INFO => &self.infos,
            Level::DEBUG => &self.debugs,
            Level::TRACE => &self.traces,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn drop_lines(&self, lines: u64) {
        self.dropped.fetch_add(lines, Ordering::Relaxed);
    }
}
