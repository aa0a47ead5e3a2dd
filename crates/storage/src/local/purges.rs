//! Up to which id the messages of subjects were purged.
//!
//! A purge is remembered as long as a segment still holds what it removed: it is a record in the active
//! segment, written anew at the head of each next one. What is purged is not copied forward, so in time
//! the last such segment goes, and the purge can be forgotten.

use broker_core::Subject;
use parking_lot::RwLock;
use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

/// The purges that are in force. The writer adds to those of the list of segments, under its lock.
#[derive(Debug, Default)]
pub struct Purges {
    up_to: RwLock<HashMap<Subject, u64>>,
    added: AtomicU64,
}

impl Purges {
    /// As they were found at a start.
    pub fn of(up_to: HashMap<Subject, u64>) -> Self {
        let added = AtomicU64::new(up_to.len() as u64);
        Self { up_to: RwLock::new(up_to), added }
    }

    /// 0 for a subject that has none.
    pub fn up_to(&self, subject: &str) -> u64 {
        self.up_to.read().get(subject).copied().unwrap_or(0)
    }

    pub fn is_empty(&self) -> bool {
        self.up_to.read().is_empty()
    }

    /// Shows them. Nothing is added meanwhile.
    pub fn look<T>(&self, look: impl FnOnce(&HashMap<Subject, u64>) -> T) -> T {
        look(&self.up_to.read())
    }

    /// A copy of them.
    pub fn all(&self) -> HashMap<Subject, u64> {
        self.look(Clone::clone)
    }

    /// How many were ever added: changes with each.
    pub fn added(&self) -> u64 {
        self.added.load(Ordering::Acquire)
    }

    /// Adds one, or raises it.
    pub fn add(&self, subject: &Subject, up_to: u64) {
        {
            let mut all = self.up_to.write();
            let purged = all.entry(subject.clone()).or_default();
            *purged = (*purged).max(up_to);
        }
        self.added.fetch_add(1, Ordering::Release);
    }

    /// Others without these, unless they were raised meanwhile. Who reads with an older list of segments
    /// still needs these.
    pub fn without(&self, gone: &[(Subject, u64)]) -> Self {
        let (mut up_to, added) = (self.all(), self.added());
        for (subject, purged) in gone {
            if up_to.get(subject) == Some(purged) {
                up_to.remove(subject);
            }
        }
        up_to.shrink_to_fit();
        Self { up_to: RwLock::new(up_to), added: AtomicU64::new(added) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purge_only_rises_and_one_that_rose_is_not_forgotten() {
        let (purges, subject) = (Purges::default(), Subject::new("s").unwrap());
        purges.add(&subject, 5);
        purges.add(&subject, 3);
        assert_eq!((purges.up_to("s"), purges.added()), (5, 2));
        assert_eq!(purges.without(&[(subject.clone(), 3)]).up_to("s"), 5);
        let rest = purges.without(&[(subject, 5)]);
        assert!(rest.is_empty() && rest.added() == 2);
        assert_eq!(purges.up_to("s"), 5);
    }
}
