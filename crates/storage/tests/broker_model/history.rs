//! All that was ever published under a subject, in the order in which it was taken.

use broker_core::{Message, MessageId, Timestamp};
use bytes::Bytes;
use std::cell::Cell;

/// One publication and what became of it.
pub struct Entry {
    /// Told from every other by its first bytes.
    pub body: Bytes,
    pub fate: Fate,
    /// Its message was withheld because it had expired: nobody may be shown it ever again.
    pub was_expired: Cell<bool>,
    pub is_purged: bool,
}

pub enum Fate {
    /// Answered with this id.
    Stored { id: MessageId, lifetime: Option<u64>, expires_at: Cell<Option<Timestamp>> },
    /// Answered as delivered only.
    Delivered,
    /// Answered with an error: shown to nobody.
    Failed,
}

impl Entry {
    pub fn id(&self) -> Option<MessageId> {
        match self.fate {
            Fate::Stored { id, .. } => Some(id),
            Fate::Delivered | Fate::Failed => None,
        }
    }

    pub fn is_delivered_only(&self) -> bool {
        matches!(self.fate, Fate::Delivered)
    }

    /// Whether this is the message's publication.
    pub fn is(&self, message: &Message) -> bool {
        match self.id() {
            Some(id) => id == message.id,
            None => self.is_delivered_only() && message.id.is_none() && self.body == message.body,
        }
    }

    pub fn is_expired(&self, now: Timestamp) -> bool {
        match &self.fate {
            Fate::Stored { expires_at, .. } => expires_at.get().is_some_and(|at| at <= now),
            Fate::Delivered | Fate::Failed => false,
        }
    }

    /// Checks all that a reader is shown of it at `now`.
    pub fn check(&self, message: &Message, now: Timestamp) {
        assert_eq!(self.body, message.body);
        assert!(!self.is_expired(now), "an expired message is shown: {message:?} at {now}");
        assert!(!self.was_expired.get(), "shown after it had expired: {message:?}");
        if let Fate::Stored { lifetime, expires_at, .. } = &self.fate {
            let exact = lifetime.map(|ns| Timestamp(message.published_at.0 + ns as i64));
            assert_eq!(message.expires_at, exact, "lives as long as its publisher said");
            assert_eq!(expires_at.get(), exact);
        }
    }
}

/// A subject's publications.
#[derive(Default)]
pub struct History {
    pub entries: Vec<Entry>,
    /// The last id that was acknowledged.
    pub last: MessageId,
}

impl History {
    pub fn find(&self, id: MessageId) -> Option<&Entry> {
        let entry = |entry: &&Entry| entry.id() == Some(id);
        self.entries.iter().find(entry)
    }

    /// Messages that live and will expire, with the moment when they do.
    pub fn mortal(&self, now: Timestamp) -> Vec<(MessageId, Timestamp)> {
        let mortal = |entry: &Entry| match &entry.fate {
            Fate::Stored { id, expires_at, .. } if !entry.is_purged => {
                expires_at.get().filter(|at| *at > now).map(|at| (*id, at))
            }
            _ => None,
        };
        self.entries.iter().filter_map(mortal).collect()
    }
}
