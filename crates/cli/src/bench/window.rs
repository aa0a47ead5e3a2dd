//! How many messages are under way at most.

use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

/// The messages of one publisher without an answer.
#[derive(Debug)]
pub struct Window {
    most: u64,
    answered: AtomicU64,
    freed: Notify,
}

impl Window {
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1) as u64, answered: AtomicU64::new(0), freed: Notify::new() }
    }

    /// Whether another may follow after so many were sent.
    pub fn has_room(&self, sent: u64) -> bool {
        sent.saturating_sub(self.answered.load(Ordering::Acquire)) < self.most
    }

    /// Waits for that. Only one may wait.
    pub async fn room(&self, sent: u64) {
        while !self.has_room(sent) {
            self.freed.notified().await;
        }
    }

    /// So many more were answered.
    pub fn answer(&self, messages: u64) {
        self.answered.fetch_add(messages, Ordering::Release);
        self.freed.notify_one();
    }

    /// No answer will come any more: nobody waits.
    pub fn open(&self) {
        self.answered.store(u64::MAX / 2, Ordering::Release);
        self.freed.notify_one();
    }
}

/// The messages of one subject that not every subscription has seen.
#[derive(Debug)]
pub struct Crowd {
    most: u64,
    sent: AtomicU64,
    seen: Vec<AtomicU64>,
    freed: Notify,
}

impl Crowd {
    /// Of so many subscriptions; without any, there is always room.
    pub fn new(most: usize, subscriptions: usize) -> Self {
        let seen = (0..subscriptions).map(|_| AtomicU64::new(0)).collect();
        Self { most: most.max(1) as u64, sent: AtomicU64::new(0), seen, freed: Notify::new() }
    }

    /// Counts one more as sent, if there is room for it.
    pub fn try_send(&self) -> bool {
        let has_room = self.has_room();
        if has_room {
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
        has_room
    }

    /// Waits for that.
    pub async fn send(&self) {
        loop {
            // Made before looking, so that nothing in between is overheard.
            let freed = self.freed.notified();
            if self.try_send() {
                return;
            }
            freed.await;
        }
    }

    fn has_room(&self) -> bool {
        let least = self.seen.iter().map(|seen| seen.load(Ordering::Acquire)).min();
        least
            .is_none_or(|least| self.sent.load(Ordering::Relaxed).saturating_sub(least) < self.most)
    }

    /// How many messages that subscription has seen or been told of by now.
    pub fn see(&self, subscription: usize, messages: u64) {
        self.seen[subscription].store(messages, Ordering::Release);
        self.freed.notify_waiters();
    }

    /// That subscription ended: nobody waits for it.
    pub fn leave(&self, subscription: usize) {
        self.see(subscription, u64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn a_full_window_waits_for_an_answer() {
        let window = Window::new(2);
        assert!(window.room(1).now_or_never().is_some());
        assert!(window.room(2).now_or_never().is_none());
        window.answer(1);
        assert!(window.room(2).now_or_never().is_some());
        assert!(window.room(3).now_or_never().is_none());
        window.open();
        assert!(window.room(3).now_or_never().is_some());
    }

    #[test]
    fn a_crowd_waits_for_its_slowest() {
        let crowd = Crowd::new(1, 2);
        assert!(crowd.send().now_or_never().is_some());
        crowd.see(0, 1);
        assert!(crowd.send().now_or_never().is_none());
        let mut waiting = Box::pin(crowd.send());
        assert!((&mut waiting).now_or_never().is_none());
        crowd.see(1, 1);
        assert!(waiting.now_or_never().is_some());
        crowd.see(0, 2);
        crowd.leave(1);
        assert!(crowd.send().now_or_never().is_some());
        assert!((0..10).all(|_| Crowd::new(1, 0).try_send()));
    }
}
