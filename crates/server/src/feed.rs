//! A subscription as DATA frames.

use crate::{
    convert::{message_frame, put_after_body, put_before_body, put_message_frame},
    limits::{ALL_GATHERED, BY_REFERENCE, FRAME, GATHERED, MIN_GATHERED, SMALL_MESSAGE},
    room::{Room, Share},
    status::Problem,
    trace::Delivering,
    transit::Transit,
};
use broker_core::{Broker, Delivery, FetchError, Message, Subscription};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use std::{collections::VecDeque, sync::Arc};

/// The frames of a subscription until it ends, and why it did. Frames are cut where it suits the
/// transport, not between messages.
pub fn frames(
    broker: Broker,
    subscription: Subscription,
    sending: Room,
    delivering: Delivering,
) -> impl Stream<Item = Result<Bytes, Problem>> {
    let feed = Feed {
        broker,
        subscription,
        sending,
        delivering,
        shares: Vec::new(),
        owed: 0,
        deliveries: Vec::new(),
        pending: VecDeque::new(),
        has_waited: false,
        ready: VecDeque::new(),
        transit: Arc::default(),
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
    delivering: Delivering,
    /// Room for large messages that are ready and shared with nobody.
    shares: Vec<Share>,
    /// Losses that are told with the next message, as theirs had expired.
    owed: u64,
    deliveries: Vec<Delivery>,
    /// Those that are not packed yet.
    pending: VecDeque<Delivery>,
    /// Whether those have waited since they were found unexpired.
    has_waited: bool,
    /// Frames that the transport has not asked for yet.
    ready: VecDeque<Bytes>,
    transit: Arc<Transit>,
    buffer: BytesMut,
}

impl Feed {
    async fn next(&mut self) -> Result<Bytes, Problem> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Ok(self.transit.count(frame));
            }
            let share = self.share();
            let under_way = self.transit.at_most(share / 2).await;
            self.shares.clear();
            if self.pending.is_empty() {
                self.subscription.next(share - under_way, &mut self.deliveries).await?;
                self.pending.extend(self.deliveries.drain(..));
                self.has_waited = false;
            }
            self.pack().await?;
        }
    }

    /// What is gathered and under way at once: subscriptions that are read slowly hold that much each.
    fn share(&self) -> usize {
        (ALL_GATHERED / self.broker.subscribers().max(1)).clamp(MIN_GATHERED, GATHERED)
    }

    /// Makes frames of what is pending, or of its beginning: nothing that is packed waits for room. Small
    /// messages need none: what is gathered of them is bounded by [`Feed::share`].
    async fn pack(&mut self) -> Result<(), Problem> {
        let now = self.has_waited.then(|| self.broker.clock().now());
        while let Some(Delivery { message, missed }) = self.pending.pop_front() {
            if now.is_some_and(|now| message.is_expired(now)) {
                self.owed += missed;
                continue;
            }
            let is_alone = message.weight() > SMALL_MESSAGE && is_own(&message);
            if is_alone && !self.hold(message.weight()) {
                if !self.buffer.is_empty() || !self.ready.is_empty() {
                    self.pending.push_front(Delivery { message, missed });
                    self.has_waited = true;
                    break;
                }
                self.put_when_there_is_room(message, missed).await?;
                // What is behind it has waited too, and is looked at anew.
                break;
            }
            self.put(&message, missed);
        }
        self.delivering.end();
        self.flush();
        Ok(())
    }

    fn hold(&mut self, bytes: usize) -> bool {
        let share = self.sending.try_take(bytes);
        share.map(|share| self.shares.push(share)).is_ok()
    }

    /// Many may wait here, so they hold nothing: a stored message can be read again. If it has
    /// expired by then, it is skipped.
    async fn put_when_there_is_room(
        &mut self,
        message: Arc<Message>,
        missed: u64,
    ) -> Result<(), Problem> {
        let (subject, id, weight) = (message.subject.clone(), message.id, message.weight());
        let kept = if id.is_none() {
            Some(message)
        } else {
            // Here, not at the end: it would be held while this waits.
            drop(message);
            None
        };
        self.shares.clear();
        self.has_waited = true;
        self.shares.push(self.sending.wait(weight).await?);
        let message = match kept {
            Some(message) => Ok(message),
            None => self.broker.fetch(&subject, id).await,
        };
        match message {
            Ok(message) => self.put(&message, missed),
            Err(FetchError::Expired) => self.owed += missed,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Small messages are copied together. Large bodies are handed on as they are, between what comes
    /// before and after them.
    fn put(&mut self, message: &Arc<Message>, missed: u64) {
        let missed = std::mem::take(&mut self.owed) + missed;
        self.delivering.add(message);
        if message.body.len() >= BY_REFERENCE {
            put_before_body(message, missed, &mut self.buffer);
            self.flush();
            self.ready.push_back(message.body.clone());
            put_after_body(message, missed, &mut self.buffer);
        } else if missed > 0 || is_own(message) {
            put_message_frame(message, missed, &mut self.buffer);
        } else {
            // Encoded once for all subscribers.
            self.buffer.extend_from_slice(message.encoded(message_frame));
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

#[cfg(test)]
mod tests;
