//! What is told of one call.

use crate::Operation;
use broker_core::{AppendError, Message, ReadError, TimeSource};
use std::{fmt, iter::Sum, sync::Arc, time::Duration};

/// One call of a store that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StorageCall {
    /// Which call.
    pub operation: Operation,
    /// How it ended.
    pub outcome: Outcome,
    /// From the call to its answer.
    pub duration: Duration,
    /// Messages that it handed to the store, was given by it, or gave back the space of.
    pub messages: u64,
    /// Of those, the ones the store did not say to be kept.
    pub refused: u64,
    /// Bytes of their bodies and headers; for a reclaim, what the store says it gave back.
    pub bytes: u64,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// The store did what it was asked for.
    Done,
    /// `AppendError::Full`.
    Full,
    /// `AppendError::Unavailable` or `ReadError::Unavailable`.
    Unavailable,
    /// `AppendError::Unknown`.
    Unknown,
    /// `AppendError::Lost`.
    Lost,
    /// `AppendError::Fenced` or `ReadError::Fenced`.
    Fenced,
    /// `ReadError::Damaged`.
    Damaged,
    /// `ReadError::Failed`.
    Failed,
    /// Nobody waited for the answer.
    Abandoned,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 9] = [
        Self::Done,
        Self::Full,
        Self::Unavailable,
        Self::Unknown,
        Self::Lost,
        Self::Fenced,
        Self::Damaged,
        Self::Failed,
        Self::Abandoned,
    ];

    /// Its name, in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Full => "full",
            Self::Unavailable => "unavailable",
            Self::Unknown => "unknown",
            Self::Lost => "lost",
            Self::Fenced => "fenced",
            Self::Damaged => "damaged",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Hears of every call of a store. On hot paths: implementations count and return.
pub trait StorageObserver: Send + Sync + 'static {
    /// A call ended.
    fn ended(&self, call: &StorageCall);
}

/// How much a call is about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Volume {
    pub messages: u64,
    pub refused: u64,
    pub bytes: u64,
}

impl Volume {
    pub fn of(message: &Message) -> Self {
        let bytes = message.headers.as_bytes().len() + message.body.len();
        Self { messages: 1, refused: 0, bytes: bytes as u64 }
    }

    fn and(self, other: Self) -> Self {
        Self {
            messages: self.messages + other.messages,
            refused: self.refused + other.refused,
            bytes: self.bytes + other.bytes,
        }
    }
}

impl Sum for Volume {
    fn sum<I: Iterator<Item = Self>>(volumes: I) -> Self {
        volumes.fold(Self::default(), Self::and)
    }
}

/// An error as an outcome.
pub trait Failure: Send {
    fn outcome(&self) -> Outcome;
}

impl Failure for AppendError {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Full(_) => Outcome::Full,
            Self::Unavailable(_) => Outcome::Unavailable,
            Self::Unknown(_) => Outcome::Unknown,
            Self::Lost(_) => Outcome::Lost,
            Self::Fenced => Outcome::Fenced,
        }
    }
}

impl Failure for ReadError {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Unavailable(_) => Outcome::Unavailable,
            Self::Damaged(_) => Outcome::Damaged,
            Self::Failed(_) => Outcome::Failed,
            Self::Fenced => Outcome::Fenced,
        }
    }
}

/// Who hears of calls, and what times them.
pub struct Watch {
    pub observer: Arc<dyn StorageObserver>,
    pub time: Arc<dyn TimeSource>,
}

/// A call under way. Reports it once, at the latest when it is dropped.
pub struct Report {
    operation: Operation,
    volume: Volume,
    outcome: Outcome,
    started: Duration,
    watch: Arc<Watch>,
}

impl Report {
    pub fn new(operation: Operation, volume: Volume, watch: Arc<Watch>) -> Self {
        let started = watch.time.monotonic();
        Self { operation, volume, outcome: Outcome::Abandoned, started, watch }
    }

    pub fn end(mut self, outcome: Outcome, more: Volume) {
        self.outcome = outcome;
        self.volume = self.volume.and(more);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.watch.observer.ended(&StorageCall {
            operation: self.operation,
            outcome: self.outcome,
            duration: self.watch.time.monotonic().saturating_sub(self.started),
            messages: self.volume.messages,
            refused: self.volume.refused,
            bytes: self.volume.bytes,
        });
    }
}
