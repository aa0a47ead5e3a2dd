//! What all tails together hold.

use crate::sync::{AtomicUsize, Ordering};

/// The weight of all messages held in tails, against its limit.
#[derive(Debug)]
pub struct Backlog {
    weight: AtomicUsize,
    limit: usize,
}

impl Backlog {
    /// Nothing held yet; `limit` in bytes.
    pub fn new(limit: usize) -> Self {
        Self { weight: AtomicUsize::new(0), limit }
    }

    /// The limit, in bytes.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Whether more is held than the limit allows.
    pub fn is_over(&self) -> bool {
        self.weight() > self.limit
    }

    /// What is held now, in bytes.
    pub fn weight(&self) -> usize {
        // A number on its own: it orders nothing else.
        self.weight.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, weight: usize) {
        if weight > 0 {
            self.weight.fetch_add(weight, Ordering::Relaxed);
        }
    }

    pub(super) fn subtract(&self, weight: usize) {
        if weight > 0 {
            self.weight.fetch_sub(weight, Ordering::Relaxed);
        }
    }
}
