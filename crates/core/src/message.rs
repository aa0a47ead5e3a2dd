//! What is published, what is kept, and what a publisher hears.

use crate::{Headers, Lifetime, MessageId, Subject, Timestamp, trace::Trace};
use bytes::Bytes;
use std::sync::OnceLock;

/// What a publisher hands over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Where it goes.
    pub subject: Subject,
    /// What is said about it.
    pub headers: Headers,
    /// The content. It should own its memory: a slice of a receive buffer would pin that buffer.
    pub body: Bytes,
    /// How long it is worth keeping.
    pub lifetime: Lifetime,
    /// The trace that it is published in, if that is recorded.
    pub trace: Option<Box<Trace>>,
}

/// A message with its place in its subject.
#[derive(Debug)]
pub struct Message {
    /// Where it belongs.
    pub subject: Subject,
    /// Its number, or [`MessageId::NONE`] for a delivered-only message.
    pub id: MessageId,
    /// The broker's time when it was numbered.
    pub published_at: Timestamp,
    /// From this moment on nobody is shown it; `None`: never, or not stored.
    pub expires_at: Option<Timestamp>,
    /// What is said about it.
    pub headers: Headers,
    /// The content.
    pub body: Bytes,
    encoded: OnceLock<Bytes>,
    trace: Option<Box<Trace>>,
}

impl Message {
    /// Bytes that every message counts against limits, beside its subject, headers and body: the
    /// structs, queue places and reply slots of one, rounded up.
    pub const BOOKKEEPING: usize = 256;

    /// Puts a message together.
    #[must_use]
    pub fn new(
        subject: Subject,
        id: MessageId,
        published_at: Timestamp,
        expires_at: Option<Timestamp>,
        headers: Headers,
        body: Bytes,
    ) -> Self {
        let encoded = OnceLock::new();
        Self { subject, id, published_at, expires_at, headers, body, encoded, trace: None }
    }

    /// With the trace that it is published in.
    pub(crate) fn traced(self, trace: Option<Box<Trace>>) -> Self {
        Self { trace, ..self }
    }

    /// The trace that it is published in, if that is recorded: only while it is on its way, no store
    /// keeps it.
    #[must_use]
    pub fn trace(&self) -> Option<&Trace> {
        self.trace.as_deref()
    }

    /// Whether it is kept by a store, and so has an id.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        !self.id.is_none()
    }

    /// Whether it may no longer be shown at that moment.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// What it counts against limits on bytes: its content and a fixed share for its bookkeeping.
    #[must_use]
    pub fn weight(&self) -> usize {
        weight(&self.subject, &self.headers, &self.body)
    }

    /// The form in which the door hands it to subscribers, made once however many there are.
    pub fn encoded(&self, encode: impl FnOnce(&Self) -> Bytes) -> &Bytes {
        self.encoded.get_or_init(|| encode(self))
    }
}

/// Two messages are equal when all that a reader can see is.
impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.subject == other.subject
            && self.id == other.id
            && self.published_at == other.published_at
            && self.expires_at == other.expires_at
            && self.headers == other.headers
            && self.body == other.body
    }
}

impl Eq for Message {}

impl Publication {
    /// What it counts against limits on bytes, as [`Message::weight`].
    #[must_use]
    pub fn weight(&self) -> usize {
        weight(&self.subject, &self.headers, &self.body)
    }
}

fn weight(subject: &Subject, headers: &Headers, body: &Bytes) -> usize {
    Message::BOOKKEEPING + subject.as_bytes().len() + headers.as_bytes().len() + body.len()
}

/// What a publisher hears of a message that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The message's number; [`MessageId::NONE`]: delivered only, nothing was stored.
    pub id: MessageId,
}

/// What an acknowledgement of a store means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Kept in the process's memory: lost when it ends.
    Memory,
    /// Written and synced to the local disk.
    Disk,
    /// Committed by a database.
    Database,
}
