//! Who waits for answers, and until when.

use crate::{
    PublishError, Published,
    trace::{live::Live, note},
};
use std::{collections::BTreeMap, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, oneshot},
    time::Instant,
};
use tracing::{Span, span::Id};

/// The answer to one publication.
pub type Answer = Result<Published, PublishError>;

/// Where the answer to one publication belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// The batch's number.
    pub batch: u64,
    /// Its place within the batch.
    pub index: usize,
}

/// The batches that are not wholly decided.
pub struct Batches {
    timeout: Duration,
    next: u64,
    /// Not answered yet, in the order in which they came: the first is the first to be overdue.
    waiting: BTreeMap<u64, Batch>,
    /// Told that the outcome is unknown; their room is held until it is known.
    overdue: BTreeMap<u64, Batch>,
    /// Spans of those that wait, if they are recorded.
    spans: Live,
}

struct Batch {
    answers: Vec<Answer>,
    open: usize,
    deadline: Instant,
    reply: oneshot::Sender<Vec<Answer>>,
    span: Option<Id>,
    /// Room in the queue, given back when nothing of the batch is held any more.
    _room: OwnedSemaphorePermit,
}

impl Batches {
    /// None yet; each is answered at the latest after `timeout`.
    pub fn new(timeout: Duration) -> Self {
        let (waiting, overdue) = (BTreeMap::new(), BTreeMap::new());
        Self { timeout, next: 0, waiting, overdue, spans: Live::default() }
    }

    /// Whether everybody was answered.
    pub fn all_answered(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Spans of batches that wait for an answer.
    pub fn spans(&self) -> &Live {
        &self.spans
    }

    /// Opens a batch of `size` publications, at least one; answers its number.
    pub fn open(
        &mut self,
        size: usize,
        now: Instant,
        reply: oneshot::Sender<Vec<Answer>>,
        room: OwnedSemaphorePermit,
    ) -> u64 {
        let number = self.next;
        self.next += 1;
        let batch = Batch {
            // What stands here when the time is over is the truth about what is still open.
            answers: vec![Err(PublishError::OutcomeUnknown); size],
            open: size,
            deadline: now + self.timeout,
            reply,
            span: None,
            _room: room,
        };
        self.waiting.insert(number, batch);
        number
    }

    /// Holds the span of a batch until it is answered; answers its id, if it is recorded.
    pub fn trace(&mut self, number: u64, span: Span) -> Option<Id> {
        let batch = self.waiting.get_mut(&number)?;
        batch.span = self.spans.begin(span);
        batch.span.clone()
    }

    /// Notes the answer to one publication; the batch's last one sends them all.
    pub fn answer(&mut self, slot: Slot, answer: Answer) {
        if let Some(batch) = self.waiting.get_mut(&slot.batch) {
            batch.answers[slot.index] = answer;
            batch.open -= 1;
            if batch.open == 0
                && let Some(batch) = self.waiting.remove(&slot.batch)
            {
                note(&self.spans.end(batch.span.as_ref()), "released");
                // Who does not listen any more does not want to know.
                let _ = batch.reply.send(batch.answers);
            }
        } else if let Some(batch) = self.overdue.get_mut(&slot.batch) {
            batch.open -= 1;
            if batch.open == 0 {
                self.overdue.remove(&slot.batch);
            }
        }
    }

    /// When the first batch will be overdue.
    pub fn deadline(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|(_, batch)| batch.deadline)
    }

    /// Answers every batch whose time is over.
    pub fn expire(&mut self, now: Instant) {
        while let Some(entry) = self.waiting.first_entry() {
            if entry.get().deadline > now {
                return;
            }
            let (number, mut batch) = entry.remove_entry();
            let (closed, _) = oneshot::channel();
            let reply = std::mem::replace(&mut batch.reply, closed);
            note(&self.spans.end(batch.span.as_ref()), "outcome unknown");
            let _ = reply.send(std::mem::take(&mut batch.answers));
            self.overdue.insert(number, batch);
        }
    }
}
