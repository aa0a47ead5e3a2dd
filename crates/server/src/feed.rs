//! A subscription as DATA frames.

use crate::{
    convert::{message_frame, put_message_frame},
    limits::{BY_REFERENCE, FRAME},
    status::Problem,
};
use broker_core::{Delivery, Subscription};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use std::{collections::VecDeque, sync::Arc};
use tonic::Status;

/// The frames of a subscription until it ends, and why it did.
pub fn frames(subscription: Subscription) -> impl Stream<Item = Result<Bytes, Status>> {
    let feed = Feed {
        subscription,
        deliveries: Vec::new(),
        ready: VecDeque::new(),
        buffer: BytesMut::new(),
    };
    stream::unfold(Some(feed), |feed| async {
        let mut feed = feed?;
        match feed.next().await {
            Ok(frame) => Some((Ok(frame), Some(feed))),
            Err(status) => Some((Err(status), None)),
        }
    })
}

struct Feed {
    subscription: Subscription,
    deliveries: Vec<Delivery>,
    /// Frames that the transport has not asked for yet.
    ready: VecDeque<Bytes>,
    buffer: BytesMut,
}

impl Feed {
    async fn next(&mut self) -> Result<Bytes, Status> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Ok(frame);
            }
            let next = self.subscription.next(FRAME, &mut self.deliveries).await;
            next.map_err(|end| Status::from(Problem::from(end)))?;
            self.pack();
        }
    }

    /// Small messages are copied together into one frame; large ones are handed on as they are.
    fn pack(&mut self) {
        let mut deliveries = std::mem::take(&mut self.deliveries);
        for Delivery { message, missed } in deliveries.drain(..) {
            // A page of the store is read for one subscription: nobody shares an encoding of it.
            let is_shared = Arc::strong_count(&message) > 1;
            if missed > 0 || (!is_shared && message.body.len() < BY_REFERENCE) {
                put_message_frame(&message, missed, &mut self.buffer);
                continue;
            }
            let frame = message.encoded(message_frame);
            if frame.len() < BY_REFERENCE {
                self.buffer.extend_from_slice(&frame);
            } else {
                self.flush();
                self.ready.push_back(frame);
            }
        }
        self.flush();
        self.deliveries = deliveries;
    }

    fn flush(&mut self) {
        if !self.buffer.is_empty() {
            self.ready.push_back(self.buffer.split().freeze());
        }
    }
}
