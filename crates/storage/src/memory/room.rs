//! What the store holds, against its bounds.

use super::MemoryConfig;
use broker_core::{Headers, Subject};
use bytes::Bytes;

/// The parts of one kept message beside its content: its place, its box, its entry among the
/// expiries, and the blocks its body and headers are allocated in.
const BOOKKEEPING: usize = 256;

/// Counts of what is held, or is to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// Of messages.
    pub bytes: usize,
    pub messages: usize,
    pub subjects: usize,
    pub subject_bytes: usize,
}

/// What one message takes, in bytes.
pub fn cost(headers: &Headers, body: &Bytes) -> usize {
    BOOKKEEPING + headers.as_bytes().len() + body.len()
}

impl Room {
    pub fn add_message(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes;
    }

    pub fn remove_message(&mut self, bytes: usize) {
        self.messages -= 1;
        self.bytes -= bytes;
    }

    pub fn add_subject(&mut self, subject: &Subject) {
        self.subjects += 1;
        self.subject_bytes += subject.as_bytes().len();
    }

    /// The name of a bound on messages that this and `more` together would pass.
    pub fn messages_lack(&self, more: &Self, bounds: &MemoryConfig) -> Option<&'static str> {
        if self.messages + more.messages > bounds.max_messages {
            Some("memory store messages")
        } else if self.bytes + more.bytes > bounds.max_bytes {
            Some("memory store bytes")
        } else {
            None
        }
    }

    /// The name of a bound on subjects that this and `more` together would pass.
    pub fn subjects_lack(&self, more: &Self, bounds: &MemoryConfig) -> Option<&'static str> {
        if self.subjects + more.subjects > bounds.max_subjects {
            Some("memory store subjects")
        } else if self.subject_bytes + more.subject_bytes > bounds.max_subject_bytes {
            Some("memory store subject bytes")
        } else {
            None
        }
    }

    /// What the smallest message takes.
    pub fn smallest() -> Self {
        Self { bytes: BOOKKEEPING, messages: 1, ..Self::default() }
    }
}
