//! The front of the core: what the door calls.

use crate::{
    Clock, Durability, FetchError, Limits, Message, MessageId, Observer, OpenError, Publication,
    PublishError, Published, PurgeError, Storage, Subject, SubscribeError, Subscription,
    TimeSource, Writable,
};
use std::sync::Arc;

/// Where a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With everything that is stored, then what is new.
    Retained,
    /// With what is new.
    New,
    /// With everything stored above this id, then what is new.
    After(MessageId),
}

/// A broker over one store. Cheap to clone; all clones are one broker.
#[derive(Clone)]
pub struct Broker {}

/// The answers to one batch, in the order of its publications, when all are there.
pub struct Receipt {}

impl Receipt {
    /// Waits for the answers. Dropping this future changes nothing for the messages.
    pub async fn answers(self) -> Vec<Result<Published, PublishError>> {
        unimplemented!()
    }
}

impl Broker {
    /// Starts the broker's shard on the current tokio runtime. No time below
    /// [`Storage::kept_time`] is used. `seed` is the chance that hash tables take.
    ///
    /// # Errors
    /// When the store cannot say what it holds.
    pub async fn open(
        _storage: Arc<dyn Storage>,
        _time: Arc<dyn TimeSource>,
        _observer: Arc<dyn Observer>,
        _limits: Limits,
        _seed: u64,
    ) -> Result<Self, OpenError> {
        unimplemented!()
    }

    /// Hands over a batch and waits while the broker has no room for it (back-pressure: for
    /// streams). Batches of one caller are numbered in the order of these calls.
    ///
    /// # Errors
    /// [`PublishError::Closing`] or [`PublishError::Standby`]: nothing of the batch was taken.
    pub async fn submit(&self, _batch: Vec<Publication>) -> Result<Receipt, PublishError> {
        unimplemented!()
    }

    /// As [`Broker::submit`], but refuses with [`PublishError::Overloaded`] where that would wait.
    ///
    /// # Errors
    /// Nothing of the batch was taken.
    pub fn try_submit(&self, _batch: Vec<Publication>) -> Result<Receipt, PublishError> {
        unimplemented!()
    }

    /// Makes a subscription. It stands when this returns: every message acknowledged later reaches it.
    ///
    /// # Errors
    /// See [`SubscribeError`].
    pub async fn subscribe(
        &self,
        _subject: Subject,
        _start: Start,
    ) -> Result<Subscription, SubscribeError> {
        unimplemented!()
    }

    /// The message of that subject and id, until the moment it expires.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn fetch(
        &self,
        _subject: &Subject,
        _id: MessageId,
    ) -> Result<Arc<Message>, FetchError> {
        unimplemented!()
    }

    /// Removes the stored messages of a subject up to and including `up_to` (`None`: all released
    /// so far). Answers the id up to which it is purged.
    ///
    /// # Errors
    /// See [`PurgeError`].
    pub async fn purge(
        &self,
        _subject: Subject,
        _up_to: Option<MessageId>,
    ) -> Result<MessageId, PurgeError> {
        unimplemented!()
    }

    /// What an acknowledgement of a stored message means.
    #[must_use]
    pub fn durability(&self) -> Durability {
        unimplemented!()
    }

    /// Whether the store takes writes now.
    #[must_use]
    pub fn writable(&self) -> Writable {
        unimplemented!()
    }

    /// The clock that decides expiry.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        unimplemented!()
    }

    /// Subscriptions that stand.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        unimplemented!()
    }

    /// Leaves: from now on calls are refused with `Closing`; what was accepted is stored and
    /// answered; then subscriptions end with `Closing` and the store is closed. Returns when all
    /// that is done; calling it again waits for the same end.
    pub async fn close(&self) {
        unimplemented!()
    }
}
