//! A subscription as a stream.

use crate::{Delivery, Error, Start, error::Effect, wire};
use broker_proto::MessageResponse;
use futures_util::Stream;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use tonic::Streaming;

/// The messages of one subject, in the order of their ids, without an end of its own.
///
/// It ends with an error: when the broker leaves, the connection breaks, or a stored message is
/// damaged. Whoever wants to go on subscribes again with
/// [`Start::After`]\([`position`](Subscription::position)\). Dropping it ends it at the broker too.
#[derive(Debug)]
pub struct Subscription {
    messages: Option<Streaming<MessageResponse>>,
    position: u64,
}

impl Subscription {
    pub(crate) fn new(messages: Streaming<MessageResponse>, start: Start) -> Self {
        let position = match start {
            Start::After(id) => id,
            Start::Retained | Start::New => 0,
        };
        Self { messages: Some(messages), position }
    }

    /// The highest id received so far, or the one it began after; 0 when there is none.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }
}

impl Stream for Subscription {
    type Item = Result<Delivery, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(messages) = &mut self.messages else { return Poll::Ready(None) };
        let item = match ready!(Pin::new(messages).poll_next(cx)) {
            Some(Ok(message)) => {
                let delivery = wire::delivery(message);
                // Delivered-only messages have no place to go on from.
                self.position = self.position.max(delivery.id);
                Ok(delivery)
            }
            Some(Err(status)) => Err(Error::from_status(&status, Effect::Reads)),
            // No silent end: the broker never ends a subscription with OK.
            None => Err(Error::interrupted(Effect::Reads, "the subscription was cut off")),
        };
        if item.is_err() {
            self.messages = None;
        }
        Poll::Ready(Some(item))
    }
}
