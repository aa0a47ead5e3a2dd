//! One reader's place in a tail.

use super::{Tail, Take, Taken};
use std::{future::poll_fn, sync::Arc};

/// A place in a tail that moves as its owner takes messages. Dropping it lets the tail go on
/// without it.
pub struct Reader {
    tail: Arc<Tail>,
    key: usize,
    /// Delivered-only messages that this reader was given or told it lost, counted from the
    /// beginning of the tail like [`Taken::delivered_only_before`].
    accounted: u64,
}

impl Reader {
    pub(super) fn new(tail: Arc<Tail>, key: usize, accounted: u64) -> Self {
        Self { tail, key, accounted }
    }

    /// Waits until something follows. Cancel-safe: what is not returned is not taken.
    pub async fn take(&mut self, limit: usize, into: &mut Vec<Taken>) -> Take {
        poll_fn(|context| self.tail.poll_take(self.key, limit, into, context)).await
    }

    /// How many delivered-only messages were lost before this one, which is now being handed over.
    /// Called once for each message that is, in order.
    pub fn account(&mut self, taken: &Taken) -> u64 {
        let missed = taken.delivered_only_before - self.accounted;
        self.accounted = taken.delivered_only_before + u64::from(!taken.message.is_stored());
        missed
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.tail.detach(self.key);
    }
}
