//! What the broker's front, its shard and its subscriptions have in common.

use crate::{
    AppendError, Clock, Limits, MessageId, Observer, ReadError, ReadFailure, Storage, Subject,
    Timestamp, fence::Fence, following::Followers, lane::Lanes, tail::Backlog,
};
use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicUsize, Ordering},
};
use tokio::sync::Semaphore;

/// Shared by all parts of one broker.
pub struct Shared {
    pub storage: Arc<dyn Storage>,
    pub clock: Clock,
    pub observer: Arc<dyn Observer>,
    pub limits: Limits,
    pub lanes: Lanes,
    pub followers: Arc<Followers>,
    /// What the tails hold.
    pub backlog: Arc<Backlog>,
    /// First tries of appends that the store has not answered.
    pub appends: AtomicUsize,
    /// Turns to read a page.
    pub pages: Semaphore,
    pub fence: Fence,
    subscribers: AtomicUsize,
    phase: AtomicU8,
}

/// Where a broker stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It serves.
    Open,
    /// It is leaving.
    Closing,
    /// Another broker owns the store.
    Standby,
}

impl Shared {
    pub fn new(
        storage: Arc<dyn Storage>,
        clock: Clock,
        observer: Arc<dyn Observer>,
        limits: Limits,
        seed: u64,
    ) -> Self {
        Self {
            storage,
            clock,
            observer,
            limits,
            lanes: Lanes::new(seed),
            followers: Arc::default(),
            backlog: Arc::new(Backlog::new(limits.tail_bytes)),
            appends: AtomicUsize::new(0),
            pages: Semaphore::new(limits.pages_in_flight),
            fence: Fence::default(),
            subscribers: AtomicUsize::new(0),
            phase: AtomicU8::new(Phase::Open as u8),
        }
    }

    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Open,
            1 => Phase::Closing,
            _ => Phase::Standby,
        }
    }

    /// Leaves [`Phase::Open`]; the first reason stays.
    pub fn leave(&self, phase: Phase) {
        let open = Phase::Open as u8;
        // Whoever was first decides; the other's reason is no longer needed.
        let _ = self.phase.compare_exchange(open, phase as u8, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Makes the store remember a time that made an expired message be withheld, unless it knows a
    /// later one: no later start may show that message again.
    pub async fn remember_expiry(&self, expired_at: Timestamp) {
        if self.storage.kept_time() >= expired_at {
            return;
        }
        if let Err(error) = self.storage.keep_time(self.clock.now()).await {
            if error == AppendError::Fenced {
                return self.notice_fence();
            }
            // The reader is still told the truth of now; only a start after a clock that was set
            // back could differ, and the operator hears of it.
            self.observer.storage_failed(&error.to_string());
        }
    }

    /// Tells the observer what the caller is not told, and answers what the caller is.
    pub fn read_failure(&self, error: ReadError) -> ReadFailure {
        if error == ReadError::Fenced {
            self.notice_fence();
        } else {
            self.observer.storage_failed(&error.to_string());
        }
        error.into()
    }

    /// A call of the store was answered with "another broker owns it": calls hear so from now on, and
    /// the shard ends what is under way.
    pub fn notice_fence(&self) {
        self.leave(Phase::Standby);
        self.fence.notice();
    }

    /// Withholds an answer that only the store's owner may give, where this broker may be it no longer.
    /// Asked last, so that no answer is older than the question whether it may be given.
    pub fn as_owner<T, E: From<ReadFailure>>(&self, answer: Result<T, E>) -> Result<T, E> {
        if self.phase() == Phase::Standby {
            return Err(ReadFailure::Standby.into());
        }
        if !self.storage.is_owner() {
            return Err(ReadFailure::StorageUnavailable.into());
        }
        answer
    }

    /// The highest id of a subject that readers may know of.
    pub async fn last_id(&self, subject: &Subject) -> Result<MessageId, ReadFailure> {
        if let Some(lane) = self.lanes.get(subject) {
            return Ok(lane.released());
        }
        let last = self.storage.last_id(subject).await.map_err(|error| self.read_failure(error))?;
        // It may have come into use while the store was asked, and have messages that are not released.
        Ok(self.lanes.get(subject).map_or(last, |lane| lane.released()))
    }

    pub fn subscribers(&self) -> usize {
        self.subscribers.load(Ordering::Relaxed)
    }

    /// Counts a subscription in, until the seat is dropped; `None` at the limit.
    pub fn seat(self: &Arc<Self>) -> Option<Seat> {
        let limit = self.limits.subscriptions;
        let taken = self
            .subscribers
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < limit).then_some(n + 1))
            .ok()?;
        self.observer.subscribers(taken + 1);
        Some(Seat(self.clone()))
    }
}

/// One subscription's share of the limit on subscriptions.
pub struct Seat(Arc<Shared>);

impl Drop for Seat {
    fn drop(&mut self) {
        let before = self.0.subscribers.fetch_sub(1, Ordering::Relaxed);
        self.0.observer.subscribers(before - 1);
    }
}
