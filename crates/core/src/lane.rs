//! What readers of a subject share with the shard, and where they find it.

use crate::{
    MessageId, Subject,
    sync::{AtomicU64, Ordering},
    tail::{Backlog, Tail},
};
use foldhash::fast::FixedState;
use parking_lot::RwLock;
use std::{collections::HashMap, sync::Arc};

/// A subject that is in use.
pub struct Lane {
    /// Its name.
    pub subject: Subject,
    /// Its live end.
    pub tail: Arc<Tail>,
    released: AtomicU64,
}

impl Lane {
    /// A lane whose messages up to `last` are released.
    pub fn new(subject: Subject, last: MessageId, backlog: Arc<Backlog>) -> Self {
        let tail = Arc::new(Tail::new(last, backlog));
        Self { subject, tail, released: AtomicU64::new(last.0) }
    }

    /// The highest id that readers may see: every lower one is decided.
    pub fn released(&self) -> MessageId {
        // Pairs with `release`: who sees the id sees the message in the tail.
        MessageId(self.released.load(Ordering::Acquire))
    }

    /// Lets readers see ids up to this one. Called by the shard alone, with ascending ids.
    pub fn release(&self, id: MessageId) {
        self.released.store(id.0, Ordering::Release);
    }
}

/// The lanes in use, by subject. The shard alone adds and removes them.
pub struct Lanes(RwLock<HashMap<Subject, Arc<Lane>, FixedState>>);

impl Lanes {
    /// None yet; `seed` is the chance the hash table takes.
    pub fn new(seed: u64) -> Self {
        Self(RwLock::new(HashMap::with_hasher(FixedState::with_seed(seed))))
    }

    /// The lane of a subject, if it is in use.
    pub fn get(&self, subject: &Subject) -> Option<Arc<Lane>> {
        self.0.read().get(subject).cloned()
    }

    /// Adds a lane.
    pub fn insert(&self, lane: Arc<Lane>) {
        self.0.write().insert(lane.subject.clone(), lane);
    }

    /// Removes lanes.
    pub fn remove<'a>(&self, subjects: impl Iterator<Item = &'a Subject>) {
        let mut lanes = self.0.write();
        for subject in subjects {
            lanes.remove(subject);
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.read().len()
    }

    /// Every lane in use.
    pub fn all(&self) -> Vec<Arc<Lane>> {
        self.0.read().values().cloned().collect()
    }
}
