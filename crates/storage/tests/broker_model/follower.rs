//! A subscriber, and what it may be handed.

use super::history::{Entry, History};
use broker_core::{Delivery, MessageId, Subscription, SubscriptionEnd, Timestamp};
use futures_util::FutureExt;
use std::time::Duration;

/// What takes longer than this never comes.
const LIMIT: Duration = Duration::from_secs(30);

pub struct Follower {
    pub subject: usize,
    subscription: Subscription,
    /// Only ids above this one are wanted.
    after: MessageId,
    /// What was published from here on reaches it live.
    since: usize,
    /// What it was not yet handed begins here.
    next: usize,
    /// Entries that were purged before it came.
    purged: Vec<bool>,
    lost: u64,
    missed: u64,
}

impl Follower {
    pub fn new(
        subject: usize,
        subscription: Subscription,
        after: MessageId,
        history: &History,
    ) -> Self {
        let purged = history.entries.iter().map(|entry| entry.is_purged).collect();
        let since = history.entries.len();
        Self { subject, subscription, after, since, next: 0, purged, lost: 0, missed: 0 }
    }

    /// Takes what there is, once. It waits only if something must be there.
    pub async fn read(
        &mut self,
        history: &History,
        limit: usize,
        now: Timestamp,
    ) -> Result<(), SubscriptionEnd> {
        let must = self.awaits(history, now);
        let mut deliveries = Vec::new();
        let next = self.subscription.next(limit, &mut deliveries);
        if must {
            tokio::time::timeout(LIMIT, next).await.expect("what is there is handed over")?;
        } else {
            next.now_or_never().unwrap_or(Ok(()))?;
        }
        for delivery in &deliveries {
            self.check(history, delivery, now);
        }
        Ok(())
    }

    /// Whether a stored message that lives is still to be handed over.
    pub fn awaits(&self, history: &History, now: Timestamp) -> bool {
        let wanted = |(at, entry): (usize, &Entry)| {
            entry.id().is_some_and(|id| id > self.after)
                && !entry.is_expired(now)
                && !entry.is_purged
                && !self.was_purged(at)
        };
        history.entries.iter().enumerate().skip(self.next).any(wanted)
    }

    fn was_purged(&self, at: usize) -> bool {
        self.purged.get(at).is_some_and(|purged| *purged)
    }

    fn check(&mut self, history: &History, delivery: &Delivery, now: Timestamp) {
        let message = &delivery.message;
        let rest = history.entries.iter().enumerate().skip(self.next);
        let found = rest.clone().find(|(_, entry)| entry.is(message));
        let (at, entry) = found.unwrap_or_else(|| panic!("twice or out of order: {message:?}"));
        for (at, entry) in rest.take(at - self.next) {
            self.pass(at, entry, now);
        }
        entry.check(message, now);
        assert!(
            message.id.is_none() || message.id > self.after,
            "{} was not asked for",
            message.id
        );
        assert!(!message.id.is_none() || at >= self.since, "not live when it came: {message:?}");
        assert!(!self.was_purged(at), "purged before it came: {message:?}");
        self.next = at + 1;
        self.missed += delivery.missed;
        assert!(self.missed <= self.lost, "{} missed of {} lost", self.missed, self.lost);
        if entry.is_delivered_only() {
            assert_eq!(self.missed, self.lost, "told by the tail: exact");
        }
    }

    /// What it was not handed, it must have lost rightly.
    fn pass(&mut self, at: usize, entry: &Entry, now: Timestamp) {
        if entry.is_delivered_only() {
            self.lost += u64::from(at >= self.since);
        } else if let Some(id) = entry.id() {
            // Withheld from one who asked for it.
            if entry.is_expired(now) && id > self.after {
                entry.was_expired.set(true);
            }
            let is_right = id <= self.after || entry.is_purged || entry.is_expired(now);
            assert!(is_right, "a hole at {id} on the way to {}", at + 1);
        }
    }
}
