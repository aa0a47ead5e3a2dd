//! When what expires.

use broker_core::{MessageId, Timestamp};
use std::collections::BTreeMap;

/// Where a message that expires is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiring {
    /// Its topic's index.
    pub topic: usize,
    pub id: MessageId,
    pub serial: u64,
}

/// The messages that expire, by the moment they do: what is due is found without looking at what
/// is not, and no message has a timer.
///
/// A serial number tells a message from an earlier one of the same subject and id that was purged.
#[derive(Debug, Default)]
pub struct Expiries(BTreeMap<(Timestamp, u64), (usize, MessageId)>);

impl Expiries {
    pub fn add(&mut self, at: Timestamp, expiring: Expiring) {
        let Expiring { topic, id, serial } = expiring;
        self.0.insert((at, serial), (topic, id));
    }

    pub fn remove(&mut self, at: Timestamp, serial: u64) {
        self.0.remove(&(at, serial));
    }

    pub fn is_due(&self, now: Timestamp) -> bool {
        self.0.first_key_value().is_some_and(|(&(at, _), _)| at <= now)
    }

    /// Takes the message that expires first, if that is not after `now`.
    pub fn pop_due(&mut self, now: Timestamp) -> Option<Expiring> {
        let first = self.0.first_entry().filter(|first| first.key().0 <= now)?;
        let ((_, serial), (topic, id)) = first.remove_entry();
        Some(Expiring { topic, id, serial })
    }
}
