//! Results of publish streams that wait for their clients to read them.

use crate::limits::{MAX_WAITING_RESULTS, OWN_WAITING_RESULTS};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::Notify;

/// The results that wait over all streams.
#[derive(Debug)]
pub struct Pool {
    waiting: AtomicUsize,
    limit: usize,
}

impl Pool {
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { waiting: AtomicUsize::new(0), limit })
    }
}

/// The results that wait on one stream.
pub struct Waiting {
    pool: Arc<Pool>,
    own: AtomicUsize,
    fewer: Notify,
}

impl Waiting {
    pub fn new(pool: Arc<Pool>) -> Self {
        Self { pool, own: AtomicUsize::new(0), fewer: Notify::new() }
    }

    pub fn add(&self, results: usize) {
        self.own.fetch_add(results, Ordering::Relaxed);
        self.pool.waiting.fetch_add(results, Ordering::Relaxed);
    }

    pub fn remove(&self, results: usize) {
        self.own.fetch_sub(results, Ordering::Relaxed);
        self.pool.waiting.fetch_sub(results, Ordering::Relaxed);
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
        let own = self.own.load(Ordering::Relaxed);
        own >= MAX_WAITING_RESULTS
            || own >= OWN_WAITING_RESULTS
                && self.pool.waiting.load(Ordering::Relaxed) >= self.pool.limit
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.pool.waiting.fetch_sub(*self.own.get_mut(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn a_stream_stops_at_its_limit_and_goes_on_below() {
        let waiting = Waiting::new(Pool::new(usize::MAX));
        waiting.add(MAX_WAITING_RESULTS);
        assert!(waiting.below_limit().now_or_never().is_none());
        waiting.remove(1);
        assert!(waiting.below_limit().now_or_never().is_some());
    }

    #[test]
    fn who_has_few_goes_on_though_others_fill_the_pool() {
        let pool = Pool::new(10_000);
        let (greedy, modest) = (Waiting::new(pool.clone()), Waiting::new(pool.clone()));
        greedy.add(10_000);
        assert!(greedy.below_limit().now_or_never().is_none());
        modest.add(OWN_WAITING_RESULTS - 1);
        assert!(modest.below_limit().now_or_never().is_some());
        drop(greedy);
        modest.add(1);
        assert!(modest.below_limit().now_or_never().is_some());
    }
}
