//! A subscription as DATA frames.

use crate::{
    convert::{message_frame, put_after_body, put_before_body, put_message_frame},
    limits::{ALL_FRAMES, BY_REFERENCE, FRAME, MIN_FRAME},
    room::{Room, Share},
    status::Problem,
};
use broker_core::{Broker, Delivery, Message, Subscription};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use std::{collections::VecDeque, sync::Arc};

/// The frames of a subscription until it ends, and why it did. Frames are cut where it suits the
/// transport, not between messages.
pub fn frames(
    broker: Broker,
    subscription: Subscription,
    sending: Room,
) -> impl Stream<Item = Result<Bytes, Problem>> {
    let feed = Feed {
        broker,
        subscription,
        sending,
        share: None,
        deliveries: Vec::new(),
        ready: VecDeque::new(),
        buffer: BytesMut::new(),
    };
    stream::unfold(Some(feed), |feed| async {
        let mut feed = feed?;
        match feed.next().await {
            Ok(frame) => Some((Ok(frame), Some(feed))),
            Err(problem) => Some((Err(problem), None)),
        }
    })
}

struct Feed {
    broker: Broker,
    subscription: Subscription,
    sending: Room,
    /// Room for what is ready and shared with nobody.
    share: Option<Share>,
    deliveries: Vec<Delivery>,
    /// Frames that the transport has not asked for yet.
    ready: VecDeque<Bytes>,
    buffer: BytesMut,
}

impl Feed {
    async fn next(&mut self) -> Result<Bytes, Problem> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Ok(frame);
            }
            self.share = None;
            self.subscription.next(self.limit(), &mut self.deliveries).await?;
            self.hold().await?;
            self.pack();
        }
    }

    /// What is gathered at once: subscriptions that are not read hold that much each.
    fn limit(&self) -> usize {
        (ALL_FRAMES / self.broker.subscribers().max(1)).clamp(MIN_FRAME, FRAME)
    }

    /// Takes room for messages that were read from the store for this subscription alone.
    async fn hold(&mut self) -> Result<(), Problem> {
        let own = self.deliveries.iter().filter(|delivery| is_own(&delivery.message));
        let bytes: usize = own.map(|delivery| delivery.message.weight()).sum();
        if bytes > 2 * FRAME {
            self.share = Some(self.sending.take_for_held(bytes).await?);
        } else if bytes > 0 {
            self.share = Some(self.sending.take(bytes).await?);
        }
        Ok(())
    }

    fn pack(&mut self) {
        let mut deliveries = std::mem::take(&mut self.deliveries);
        for delivery in deliveries.drain(..) {
            self.put(&delivery.message, delivery.missed);
        }
        self.flush();
        self.deliveries = deliveries;
    }

    /// Small messages are copied together. Large bodies are handed on as they are, between what comes
    /// before and after them.
    fn put(&mut self, message: &Arc<Message>, missed: u64) {
        if message.body.len() >= BY_REFERENCE {
            put_before_body(message, missed, &mut self.buffer);
            self.flush();
            self.ready.push_back(message.body.clone());
            put_after_body(message, missed, &mut self.buffer);
        } else if missed > 0 || is_own(message) {
            put_message_frame(message, missed, &mut self.buffer);
        } else {
            // Encoded once for all subscribers.
            self.buffer.extend_from_slice(&message.encoded(message_frame));
        }
        if self.buffer.len() >= FRAME {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if !self.buffer.is_empty() {
            self.ready.push_back(self.buffer.split().freeze());
        }
    }
}

/// Whether nobody else holds this message: a page of the store is read for one subscription.
fn is_own(message: &Arc<Message>) -> bool {
    Arc::strong_count(message) == 1
}
