//! How far the standing subscriptions are, for whoever asks.

use crate::{MessageId, lane::Lane};
use parking_lot::Mutex;
use slab::Slab;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// How far subscriptions are behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lag {
    /// Ids from where the slowest one is to the last released one of its subject: at least as many as the
    /// stored messages that it has still to be handed.
    pub messages: u64,
    /// Subscriptions that read the store: they began in the past, or their tail went on without them.
    pub catching_up: usize,
}

/// The subscriptions that stand.
#[derive(Default)]
pub struct Followers(Mutex<Slab<Arc<Progress>>>);

/// Where one of them is. Numbers on their own: they order nothing else.
struct Progress {
    lane: Arc<Lane>,
    last: AtomicU64,
    is_catching_up: AtomicBool,
}

/// One subscription's entry, until it is dropped.
pub struct Following {
    followers: Arc<Followers>,
    progress: Arc<Progress>,
    key: usize,
}

impl Followers {
    /// Adds a subscription that was handed everything up to `last`.
    pub fn add(self: &Arc<Self>, lane: Arc<Lane>, last: MessageId) -> Following {
        let (last, is_catching_up) = (AtomicU64::new(last.0), AtomicBool::new(false));
        let progress = Arc::new(Progress { lane, last, is_catching_up });
        let key = self.0.lock().insert(progress.clone());
        Following { followers: self.clone(), progress, key }
    }

    /// Looks at each of them.
    pub fn lag(&self) -> Lag {
        let mut lag = Lag::default();
        for (_, progress) in self.0.lock().iter() {
            let last = progress.last.load(Ordering::Relaxed);
            lag.messages = lag.messages.max(progress.lane.released().0.saturating_sub(last));
            lag.catching_up += usize::from(progress.is_catching_up.load(Ordering::Relaxed));
        }
        lag
    }
}

impl Following {
    /// It was handed everything up to `last`, and goes on in the store or in its tail.
    pub fn is_at(&self, last: MessageId, is_catching_up: bool) {
        self.progress.last.store(last.0, Ordering::Relaxed);
        self.progress.is_catching_up.store(is_catching_up, Ordering::Relaxed);
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.followers.0.lock().remove(self.key);
    }
}
