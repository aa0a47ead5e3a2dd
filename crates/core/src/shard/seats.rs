//! The subjects the shard knows, and what waits until it knows one.

use super::{batches::Slot, line::Line};
use crate::{Limits, MessageId, Publication, Start, Subject, lane::Lane};
use foldhash::fast::FixedState;
use slab::Slab;
use std::{collections::HashMap, sync::Arc};

/// The subjects in use, with a bound on those that only might be used again.
pub struct Seats {
    names: HashMap<Subject, usize, FixedState>,
    seats: Slab<Seat>,
    limit: usize,
}

/// One subject's seat.
pub enum Seat {
    /// The store is being asked for its last id; calls wait in their order.
    Asking(Vec<Waiting>),
    /// It is in use.
    Ready(Ready),
}

/// A subject in use.
pub struct Ready {
    pub lane: Arc<Lane>,
    pub line: Line,
    /// It is on the shard's list of lines to release.
    pub is_dirty: bool,
    /// It is on the shard's list of tails that may hold something.
    pub is_backlogged: bool,
    /// Used since the last look for idle seats.
    is_recent: bool,
}

/// A call that waits for a subject's last id.
pub enum Waiting {
    Publication(Publication, Slot),
    Subscribe(Start, super::SubscribeReply),
    Purge(Option<MessageId>, super::PurgeReply),
}

impl Seats {
    pub fn new(limits: &Limits, seed: u64) -> Self {
        Self {
            names: HashMap::with_hasher(FixedState::with_seed(seed)),
            seats: Slab::new(),
            limit: limits.cached_subjects,
        }
    }

    pub fn find(&self, subject: &Subject) -> Option<usize> {
        self.names.get(subject).copied()
    }

    pub fn is_full(&self) -> bool {
        self.names.len() >= self.limit
    }

    /// Adds a subject whose last id is being asked for.
    pub fn add(&mut self, subject: Subject) -> usize {
        let key = self.seats.insert(Seat::Asking(Vec::new()));
        self.names.insert(subject, key);
        key
    }

    pub fn get(&mut self, key: usize) -> &mut Seat {
        &mut self.seats[key]
    }

    /// A seat that is ready; used by callers that know it is.
    pub fn ready(&mut self, key: usize) -> Option<&mut Ready> {
        match self.seats.get_mut(key) {
            Some(Seat::Ready(ready)) => {
                ready.is_recent = true;
                Some(ready)
            }
            _ => None,
        }
    }

    /// Makes a seat ready; answers the calls that waited.
    pub fn settle(&mut self, key: usize, lane: Arc<Lane>) -> Vec<Waiting> {
        let ready = Ready {
            line: Line::new(lane.released()),
            lane,
            is_dirty: false,
            is_backlogged: false,
            is_recent: true,
        };
        match std::mem::replace(&mut self.seats[key], Seat::Ready(ready)) {
            Seat::Asking(waiting) => waiting,
            Seat::Ready(_) => Vec::new(),
        }
    }

    /// Forgets a subject whose last id could not be had; answers the calls that waited.
    pub fn forget(&mut self, subject: &Subject, key: usize) -> Vec<Waiting> {
        self.names.remove(subject);
        match self.seats.remove(key) {
            Seat::Asking(waiting) => waiting,
            Seat::Ready(_) => Vec::new(),
        }
    }

    /// Forgets subjects that nobody uses and that were not used since the last look; if all were,
    /// those that nobody uses. Answers their names. Looking at all costs little for each of the
    /// many subjects that came since the last look.
    pub fn evict_idle(&mut self) -> Vec<Subject> {
        let mut evicted = self.evict(|ready| !ready.is_recent);
        if evicted.is_empty() {
            evicted = self.evict(|_| true);
        }
        for (_, seat) in &mut self.seats {
            if let Seat::Ready(ready) = seat {
                ready.is_recent = false;
            }
        }
        evicted
    }

    /// Gives up all of them.
    pub fn take_all(&mut self) -> impl Iterator<Item = Seat> + use<> {
        self.names.clear();
        std::mem::take(&mut self.seats).into_iter().map(|(_, seat)| seat)
    }

    fn evict(&mut self, which: impl Fn(&Ready) -> bool) -> Vec<Subject> {
        let idle: Vec<(usize, Subject)> = self
            .seats
            .iter()
            .filter_map(|(key, seat)| match seat {
                Seat::Ready(ready) if ready.is_idle() && which(ready) => {
                    Some((key, ready.lane.subject.clone()))
                }
                _ => None,
            })
            .collect();
        idle.into_iter()
            .map(|(key, subject)| {
                self.seats.remove(key);
                self.names.remove(&subject);
                subject
            })
            .collect()
    }
}

impl Ready {
    /// Notes that it is used.
    pub fn touch(&mut self) {
        self.is_recent = true;
    }

    fn is_idle(&self) -> bool {
        self.line.is_empty()
            && !self.is_dirty
            && !self.is_backlogged
            && self.lane.tail.readers() == 0
    }
}
