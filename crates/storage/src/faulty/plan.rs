//! What may go wrong with a call.

use crate::Operation;
use broker_core::{AppendError, Message, MessageId, ReadError, Subject};
use std::sync::Arc;

/// Decides, call by call, what goes wrong.
pub trait Faults: Send + Sync + 'static {
    /// The fate of an append (of this batch), a purge or a `keep_time` (both without one).
    fn write(&self, operation: Operation, batch: &[Arc<Message>]) -> WritePlan;

    /// The fate of a read, or of a reclaim.
    fn read(&self, operation: Operation) -> ReadPlan;

    /// Whether that message, if it is kept, can be read as it was written.
    fn is_damaged(&self, subject: &Subject, id: MessageId) -> bool;
}

/// The fate of a writing call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WritePlan {
    /// What goes wrong.
    pub fault: WriteFault,
    /// What it waits for.
    pub hold: Hold,
}

/// What goes wrong with a writing call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum WriteFault {
    /// Nothing.
    #[default]
    None,
    /// Nothing is written, and this is the answer.
    Before(AppendError),
    /// It is written, and this is the answer all the same: `Unknown` or `Lost`, as the others say
    /// that nothing was written. After `Lost`, no read of this store shows it.
    After(AppendError),
    /// The messages at these places of the batch are refused, but for those that an earlier append
    /// of unknown outcome wrote.
    Refuse(Vec<usize>),
    /// So it goes with the messages at these places of the batch, each at most once; the others are
    /// appended.
    Single(Vec<(usize, SingleFault)>),
}

/// What goes wrong with one message of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SingleFault {
    /// It is not written, and is said to be unavailable.
    Unavailable,
    /// It is written, and the answer is that nobody knows.
    UnknownWritten,
    /// It is not written, and the answer is that nobody knows.
    UnknownUnwritten,
}

/// The fate of a reading call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadPlan {
    /// The answer, if not what the store says.
    pub error: Option<ReadError>,
    /// What it waits for.
    pub hold: Hold,
}

/// What a call waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hold {
    /// Nothing.
    #[default]
    No,
    /// It reaches the store beneath when it is released.
    Start,
    /// It is done at once, and its answer comes when it is released.
    Answer,
    /// It is done at once, and its answer is ready after it was asked for this many times in vain:
    /// answers of overlapping calls come in another order.
    Polls(u32),
}

/// Nothing goes wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFaults;

impl Faults for NoFaults {
    fn write(&self, _: Operation, _: &[Arc<Message>]) -> WritePlan {
        WritePlan::default()
    }

    fn read(&self, _: Operation) -> ReadPlan {
        ReadPlan::default()
    }

    fn is_damaged(&self, _: &Subject, _: MessageId) -> bool {
        false
    }
}
