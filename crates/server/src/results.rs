//! Results of publish streams that wait for their clients to read them.

use crate::{
    limits::{MAX_WAITING_RESULTS, OWN_WAITING_RESULTS},
    usage::Meters,
};
use broker_core::Usage;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::Notify;

/// The results that wait over all streams, by what they take of memory.
#[derive(Debug)]
pub struct Pool {
    bytes: AtomicUsize,
    limit: usize,
}

impl Pool {
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { bytes: AtomicUsize::new(0), limit })
    }

    /// Has what they take measured.
    pub fn measured_by(self: &Arc<Self>, meters: &Meters) {
        let pool = self.clone();
        let used = move || pool.bytes.load(Ordering::Relaxed);
        let limit = self.limit;
        meters.add(move || Usage::new("waiting_result_bytes", used(), limit));
    }
}

/// The results that wait on one stream.
pub struct Waiting {
    pool: Arc<Pool>,
    results: AtomicUsize,
    bytes: AtomicUsize,
    fewer: Notify,
}

impl Waiting {
    pub fn new(pool: Arc<Pool>) -> Self {
        let (results, bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { pool, results, bytes, fewer: Notify::new() }
    }

    /// Messages were read: that many results will come.
    pub fn expect(&self, results: usize) {
        self.results.fetch_add(results, Ordering::Relaxed);
    }

    /// Results came, and take that much.
    pub fn hold(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.pool.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The client takes results.
    pub fn remove(&self, results: usize, bytes: usize) {
        self.results.fetch_sub(results, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.pool.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.fewer.notify_one();
    }

    /// Waits while too many results wait. Only this stream's own reading wakes it: who may have a few
    /// goes on whatever others do.
    pub async fn below_limit(&self) {
        while self.is_at_limit() {
            self.fewer.notified().await;
        }
    }

    fn is_at_limit(&self) -> bool {
        let results = self.results.load(Ordering::Relaxed);
        results >= MAX_WAITING_RESULTS
            || results >= OWN_WAITING_RESULTS
                && self.pool.bytes.load(Ordering::Relaxed) >= self.pool.limit
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.pool.bytes.fetch_sub(*self.bytes.get_mut(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn a_stream_stops_at_its_limit_and_goes_on_below() {
        let waiting = Waiting::new(Pool::new(usize::MAX));
        waiting.expect(MAX_WAITING_RESULTS);
        assert!(waiting.below_limit().now_or_never().is_none());
        waiting.hold(16);
        waiting.remove(1, 16);
        assert!(waiting.below_limit().now_or_never().is_some());
    }

    #[test]
    fn who_has_few_goes_on_though_others_fill_the_pool() {
        let pool = Pool::new(10_000);
        let (greedy, modest) = (Waiting::new(pool.clone()), Waiting::new(pool.clone()));
        greedy.expect(10_000);
        greedy.hold(10_000);
        assert!(greedy.below_limit().now_or_never().is_none());
        modest.expect(OWN_WAITING_RESULTS - 1);
        assert!(modest.below_limit().now_or_never().is_some());
        drop(greedy);
        modest.expect(1);
        assert!(modest.below_limit().now_or_never().is_some());
    }
}
