//! One subscriber's way through a subject.

use crate::{Message, SubscriptionEnd};
use std::sync::Arc;

/// What a subscription hands over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The message.
    pub message: Arc<Message>,
    /// Delivered-only messages that this subscriber lost just before this one.
    pub missed: u64,
}

/// A standing subscription. Dropping it ends it.
pub struct Subscription {}

impl Subscription {
    /// Waits for the next messages and appends them to `into`, in order: at least one, and no more
    /// once their weight passes `limit` bytes. Each was unexpired at the moment of this return.
    /// Cancel-safe: a dropped wait loses nothing.
    ///
    /// # Errors
    /// Why the subscription ended; it gives nothing more after that.
    pub async fn next(
        &mut self,
        _limit: usize,
        _into: &mut Vec<Delivery>,
    ) -> Result<(), SubscriptionEnd> {
        unimplemented!()
    }
}
