//! Publishing many messages, with a future for each.

mod courier;
mod order;

use crate::{
    Backoff, Client, Error, ErrorKind, MAX_BYTES_IN_FLIGHT, MAX_MESSAGE_BYTES, PublishOptions,
    Published, Retry, publish_stream, wire,
};
use bytes::Bytes;
use courier::Courier;
use order::Order;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// How a [`Publisher`] works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct PublisherOptions {
    bytes_in_flight: usize,
    retry: Option<Backoff>,
}

impl Default for PublisherOptions {
    fn default() -> Self {
        Self { bytes_in_flight: MAX_BYTES_IN_FLIGHT, retry: None }
    }
}

impl PublisherOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes of messages without an answer, at most, each with 256 bytes of bookkeeping;
    /// [`MAX_BYTES_IN_FLIGHT`] by default, and no less than one message of [`MAX_MESSAGE_BYTES`] takes.
    /// With so much under way, [`Publisher::send`] waits.
    pub fn bytes_in_flight(mut self, bytes: usize) -> Self {
        let least = publish_stream::weight(MAX_MESSAGE_BYTES) as usize;
        // More than this cannot be asked of a semaphore at once.
        self.bytes_in_flight = bytes.clamp(least, u32::MAX as usize);
        self
    }

    /// Sends messages again that are surely not stored ([`Retry::Safe`]), after the pauses of `backoff`
    /// and those that the broker asks for; nothing else is sent during a pause. Off by default. A
    /// message whose outcome is unknown is never sent again. Once the [`Publisher`] is dropped, nothing
    /// is either.
    pub fn retry(mut self, backoff: Backoff) -> Self {
        self.retry = Some(backoff);
        self
    }
}

/// Publishes many messages. Cheap to clone; all clones share one stream, which is opened when there is
/// something to send, and given back when there was nothing for 30 s.
///
/// **Order.** Messages of one subject are stored in the order in which [`Publisher::send`] took them,
/// except for those that failed. With [`PublisherOptions::retry`], one that was refused is sent again
/// before everything that was not sent yet: it can be overtaken only by what was on the way at the
/// same time. Who needs strict order sends without `retry`, and stops at the first failure.
///
/// **When the stream breaks**, every message on the way fails with what is known of it; those that never
/// left are sent over a new stream, unless that one brings no answer either.
///
/// Dropping it drops nothing: what was sent is published and answered, by a task that ends then.
#[derive(Debug, Clone)]
pub struct Publisher {
    orders: mpsc::UnboundedSender<Order>,
    room: Arc<Semaphore>,
    bytes: u32,
}

pub fn start(client: Client, options: PublisherOptions) -> Publisher {
    let (orders, taken) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(options.bytes_in_flight));
    tokio::spawn(Courier::new(client, options.bytes_in_flight, options.retry, taken));
    Publisher { orders, room, bytes: u32::try_from(options.bytes_in_flight).unwrap_or(u32::MAX) }
}

impl Publisher {
    /// Hands one message over and waits for its acknowledgement. To have many on the way, hand over more
    /// before this one is done, or use [`Publisher::send`].
    ///
    /// # Errors
    /// Ask [`Error::retry`] before sending the message again.
    pub async fn publish(
        &self,
        subject: impl Into<String>,
        body: impl Into<Bytes>,
        options: PublishOptions,
    ) -> Result<Published, Error> {
        self.send(subject, body, options).await.await
    }

    /// Hands one message over, waiting while too much is under way, and answers the [`Receipt`] to wait
    /// for. Dropping this future before it is done sends nothing.
    pub async fn send(
        &self,
        subject: impl Into<String>,
        body: impl Into<Bytes>,
        options: PublishOptions,
    ) -> Receipt {
        let request = wire::request(subject.into(), body.into(), options);
        let weight = match wire::check_size(&request) {
            Ok(size) => publish_stream::weight(size),
            Err(error) => return Receipt(Answer::Refused(Some(error))),
        };
        let Ok(room) = self.room.clone().acquire_many_owned(weight).await else {
            return Receipt(Answer::Refused(Some(gone(Retry::Safe { after: None }))));
        };
        let (reply, answer) = oneshot::channel();
        match self.orders.send(Order::new(request, weight, reply, room)) {
            Ok(()) => Receipt(Answer::Awaited(answer)),
            Err(_) => Receipt(Answer::Refused(Some(gone(Retry::Safe { after: None })))),
        }
    }

    /// Waits until everything handed over before has its answer. What is handed over meanwhile waits.
    pub async fn flush(&self) {
        // All the room there is: none is closed while the publisher is there.
        let _ = self.room.acquire_many(self.bytes).await;
    }
}

/// A message's acknowledgement, to be waited for. Dropping it changes nothing: the message is published.
#[derive(Debug)]
#[must_use = "whether the message was acknowledged is only told here"]
pub struct Receipt(Answer);

#[derive(Debug)]
enum Answer {
    Awaited(oneshot::Receiver<Result<Published, Error>>),
    /// `None` once it was told.
    Refused(Option<Error>),
}

impl Future for Receipt {
    type Output = Result<Published, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let unknown = || Err(gone(Retry::OutcomeUnknown));
        Poll::Ready(match &mut self.0 {
            Answer::Awaited(answer) => {
                ready!(Pin::new(answer).poll(cx)).unwrap_or_else(|_| unknown())
            }
            Answer::Refused(error) => error.take().map_or_else(unknown, Err),
        })
    }
}

fn gone(retry: Retry) -> Error {
    Error::new(ErrorKind::Interrupted, retry, "the runtime that publishes is gone")
}
