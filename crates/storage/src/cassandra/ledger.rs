//! What is known of one subject's ids: which are reserved, which are settled, which is the last.
//!
//! Before an id is used the row in `subjects` says so: `reserved` is never below an id that was handed to
//! the database. `settled` is below every id whose write may still arrive, so whoever takes the store over
//! looks only at what is between the two. `last` is the last id that was stored when the row was written:
//! what is above it was written later, and so is still there some hours after.

use super::shelf::{Partition, Shelf};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Ids that are reserved at once, at most, beyond those in hand.
const BLOCK_IDS: u64 = 1_024;
/// A row older than this is written again with the next append, so that a start finds the exact last id.
const RECORD_AGE: Duration = Duration::from_secs(6 * 60 * 60);
/// Entries of the index that are remembered.
const ENTRIES: usize = 64;
/// The highest id that can be stored.
const HIGHEST_ID: u64 = i64::MAX as u64;

/// A row of `subjects`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record {
    pub reserved: u64,
    pub settled: u64,
    pub last: u64,
}

impl Record {
    /// Of a subject none of whose ids is in doubt.
    pub fn settled_at(last: u64) -> Self {
        Self { reserved: last, settled: last, last }
    }

    /// Whether a write of this subject may still arrive.
    pub fn is_settled(self) -> bool {
        self.settled == self.reserved
    }
}

/// One subject's ids, as far as this process knows.
#[derive(Debug)]
pub struct Ledger {
    /// The last id that was stored.
    last: u64,
    /// The highest id that was handed to the database.
    sent: u64,
    /// The latest row that was planned; rows are planned in the order of their timestamps.
    planned: Record,
    /// The latest row that the database has.
    written: (i64, Record),
    written_at: Duration,
    /// Lowest ids of appends under way, and how many begin with it.
    under_way: BTreeMap<u64, usize>,
    /// Ids of unknown outcome.
    unknown: BTreeSet<u64>,
    /// Entries of the index of partitions, and when each was written.
    entries: BTreeMap<(i64, i8), Duration>,
    is_reserving_ahead: bool,
}

/// What an append needs before its messages may be handed over.
#[derive(Debug, PartialEq, Eq)]
pub struct Need {
    /// Ends the append with this.
    pub first: u64,
    /// For each id: whether it may be stored already.
    pub again: Vec<bool>,
    /// A row must be written that reserves up to this id.
    pub reserve: Option<u64>,
    /// Entries that must be written.
    pub entries: Vec<Partition>,
}

/// How an append ended for one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Stored,
    /// This try wrote nothing.
    Absent,
    /// The database will never have it.
    Refused,
    Unknown,
}

impl Ledger {
    /// Of a subject whose ids are settled.
    pub fn new(last: u64, now: Duration) -> Self {
        let record = Record::settled_at(last);
        Self {
            last,
            sent: last,
            planned: record,
            written: (i64::MIN, record),
            written_at: now,
            under_way: BTreeMap::new(),
            unknown: BTreeSet::new(),
            entries: BTreeMap::new(),
            is_reserving_ahead: false,
        }
    }

    /// The last id that was stored.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Whether the database has the last id and nothing is in doubt.
    pub fn is_closed(&self) -> bool {
        self.written.1 == Record::settled_at(self.last) && self.sent == self.last && self.is_quiet()
    }

    /// Whether no write may still arrive.
    pub fn is_quiet(&self) -> bool {
        self.under_way.is_empty() && self.unknown.is_empty()
    }

    /// Begins an append of ids above 0, ascending.
    pub fn begin(&mut self, ids: &[u64], partitions: &BTreeSet<Partition>, now: Duration) -> Need {
        let (first, highest) = match (ids.first(), ids.last()) {
            (Some(first), Some(highest)) => (*first, *highest),
            _ => (0, 0),
        };
        *self.under_way.entry(first).or_default() += 1;
        let may_be_there = |id: &u64| *id <= self.sent && !self.unknown.contains(id);
        let again = ids.iter().map(may_be_there).collect();
        self.sent = self.sent.max(highest);
        let is_old = now.saturating_sub(self.written_at) > RECORD_AGE;
        let is_needed =
            self.written.1.reserved < highest || self.planned.settled >= first || is_old;
        let entries = partitions.iter().copied();
        let entries = entries.filter(|partition| !self.is_entered(*partition, now)).collect();
        Need { first, again, reserve: is_needed.then(|| block_end(highest)), entries }
    }

    /// What should be prepared while nobody waits for it yet, for the shelves in use: the next block of
    /// ids and the next partitions. Ends with [`Ledger::prepared`].
    pub fn ahead(&mut self, shelf: Shelf, now: Duration) -> Option<(u64, Vec<Partition>)> {
        let distance = (shelf.partition(self.sent).last() - shelf.partition(self.sent).first) / 2;
        let next = shelf.partition(self.sent.saturating_add(distance));
        let is_low = self.planned.reserved.saturating_sub(self.sent) < BLOCK_IDS / 2;
        let is_needed = is_low || !self.is_entered(next, now);
        if self.is_reserving_ahead || !is_needed {
            return None;
        }
        self.is_reserving_ahead = true;
        let reserve = if is_low { block_end(self.sent.saturating_add(BLOCK_IDS)) } else { 0 };
        Some((reserve, vec![next]))
    }

    pub fn prepared(&mut self) {
        self.is_reserving_ahead = false;
    }

    fn is_entered(&self, partition: Partition, now: Duration) -> bool {
        let refresh = Duration::from_secs(partition.shelf.class.refresh_seconds());
        self.entries
            .get(&(partition.bucket(), partition.class()))
            .is_some_and(|written| now.saturating_sub(*written) < refresh)
    }

    /// The next row to write. Its timestamp must be above those of earlier rows.
    pub fn plan(&mut self, reserve: u64) -> Record {
        let reserved = reserve.max(self.planned.reserved).max(self.sent);
        self.planned = Record { reserved, settled: self.settled(), last: self.last };
        self.planned
    }

    /// The row that closes a subject that is quiet: nothing beyond the last id is reserved.
    pub fn plan_close(&mut self) -> Record {
        self.planned = Record::settled_at(self.last);
        self.planned
    }

    /// Below every id whose write may still arrive.
    fn settled(&self) -> u64 {
        let under_way = self.under_way.first_key_value().map(|(first, _)| *first);
        let unknown = self.unknown.first().copied();
        let lowest = [under_way, unknown].into_iter().flatten().min();
        lowest.map_or(self.sent, |lowest| lowest - 1)
    }

    /// The database has this row.
    pub fn written(&mut self, stamp: i64, record: Record, now: Duration) {
        if stamp > self.written.0 {
            self.written = (stamp, record);
            self.written_at = now;
        }
    }

    /// The database has these entries.
    pub fn entered(&mut self, partitions: &[Partition], now: Duration) {
        for partition in partitions {
            self.entries.insert((partition.bucket(), partition.class()), now);
        }
        while self.entries.len() > ENTRIES {
            self.entries.pop_first();
        }
    }

    /// Entries may be gone.
    pub fn forget_entries(&mut self) {
        self.entries.clear();
    }

    /// Ends an append.
    pub fn end(&mut self, first: u64, ends: impl IntoIterator<Item = (u64, End)>) {
        for (id, end) in ends {
            match end {
                End::Stored => {
                    self.last = self.last.max(id);
                    self.unknown.remove(&id);
                }
                // An earlier write of unknown outcome stays one.
                End::Absent => {}
                End::Refused => {
                    self.unknown.remove(&id);
                }
                End::Unknown => {
                    self.unknown.insert(id);
                }
            }
        }
        if let Some(count) = self.under_way.get_mut(&first) {
            *count -= 1;
            if *count == 0 {
                self.under_way.remove(&first);
            }
        }
    }
}

/// The last id of the block of an id.
fn block_end(id: u64) -> u64 {
    (id | (BLOCK_IDS - 1)).min(HIGHEST_ID)
}

#[cfg(test)]
mod tests;
