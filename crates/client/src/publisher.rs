//! Publishing many messages without waiting for each answer.

use crate::{
    Error, PublishOptions, Published,
    error::{Effect, ErrorKind, Retry},
    pipeline::{Pipeline, Place},
    wire,
};
use broker_proto::{PublishAck, PublishBatch, broker_client::BrokerClient};
use bytes::Bytes;
use futures_util::Stream;
use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};
use tokio::sync::Semaphore;
use tonic::{Response, Status, Streaming, transport::Channel};

/// Bytes of messages under way on one stream at most, each with 256 bytes of bookkeeping: at most
/// 32,768 messages.
pub const MAX_BYTES_IN_FLIGHT: usize = 8 * 1024 * 1024;
const BOOKKEEPING: usize = 256;

/// The sending half of a publishing stream. Dropping it finishes the stream: everything sent is
/// still answered.
#[derive(Debug)]
pub struct Publisher {
    shared: Arc<Shared>,
}

/// The answering half: a stream with one item for every message sent, in the order sent.
///
/// It has to be polled for anything to be sent, beside the [`Publisher`] and not after it: with
/// [`MAX_BYTES_IN_FLIGHT`] under way, `send` waits for answers to be taken here. It ends when the
/// publisher is dropped and everything is answered, or when the stream broke: then every message
/// without an answer is told what is known of it, and `send` fails. Dropping it breaks the stream.
pub struct Acknowledgements {
    shared: Arc<Shared>,
    call: Call,
    results: VecDeque<Result<Published, Error>>,
}

type Opening =
    Pin<Box<dyn Future<Output = Result<Response<Streaming<PublishAck>>, Status>> + Send>>;

enum Call {
    Opening(Opening),
    Open(Box<Streaming<PublishAck>>),
    /// Messages that have no answer yet get this one.
    Broken(Error),
    /// Everything was answered.
    Done,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    room: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    pipeline: Pipeline,
    /// Why nothing more is sent.
    broken: Option<Error>,
}

pub fn open(mut grpc: BrokerClient<Channel>) -> (Publisher, Acknowledgements) {
    let shared =
        Arc::new(Shared { state: Mutex::default(), room: Semaphore::new(MAX_BYTES_IN_FLIGHT) });
    let batches = Batches(shared.clone());
    let opening: Opening = Box::pin(async move { grpc.publish_stream(batches).await });
    let acknowledgements = Acknowledgements {
        shared: shared.clone(),
        call: Call::Opening(opening),
        results: VecDeque::new(),
    };
    (Publisher { shared }, acknowledgements)
}

impl Publisher {
    /// Hands one message over, waiting while too much is under way. Its answer comes from the
    /// [`Acknowledgements`], a refusal too: one message's never harms another.
    ///
    /// # Errors
    /// Why the stream broke; this message was not sent and has no answer.
    pub async fn send(
        &mut self,
        subject: impl Into<String>,
        body: impl Into<Bytes>,
        options: PublishOptions,
    ) -> Result<(), Error> {
        let request = wire::request(subject.into(), body.into(), options);
        let size = wire::check_size(&request);
        let weight = size.as_ref().unwrap_or(&0) + BOOKKEEPING;
        // The size was checked against a limit far below.
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        // A closed semaphore means that the stream broke, which the state tells better.
        if let Ok(room) = self.shared.room.acquire_many(weight).await {
            room.forget();
        }
        let mut state = self.shared.lock();
        if let Some(error) = &state.broken {
            return Err(error.before_sending());
        }
        match size {
            Ok(_) => state.pipeline.push(request, weight),
            Err(error) => state.pipeline.refuse(error, weight),
        }
        Ok(())
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.shared.lock().pipeline.finish();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn break_off(&self, error: &Error) {
        self.lock().broken.get_or_insert_with(|| error.clone());
        self.room.close();
    }
}

/// The request stream that the transport polls when it has room.
struct Batches(Arc<Shared>);

impl Stream for Batches {
    type Item = PublishBatch;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<PublishBatch>> {
        let batch = self.0.lock().pipeline.poll_batch(cx);
        batch.map(|batch| batch.map(|messages| PublishBatch { messages }))
    }
}

impl Acknowledgements {
    /// Takes the answers of one acknowledgement in.
    fn take(&mut self, ack: PublishAck) -> Result<(), Error> {
        let mut state = self.shared.lock();
        for result in wire::results(ack) {
            let Some(weight) = state.pipeline.answer() else {
                let message = "the broker answered a message that was not sent";
                return Err(Error::interrupted(Effect::Publishes, message));
            };
            self.shared.room.add_permits(weight as usize);
            self.results.push_back(result);
            while let Some((refusal, weight)) = state.pipeline.next_refused() {
                self.shared.room.add_permits(weight as usize);
                self.results.push_back(Err(refusal));
            }
        }
        Ok(())
    }

    /// Goes on with the call until there is something to say, or it broke.
    fn poll_call(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let broken = match &mut self.call {
            Call::Opening(opening) => match ready!(opening.as_mut().poll(cx)) {
                Ok(response) => {
                    self.call = Call::Open(Box::new(response.into_inner()));
                    return Poll::Ready(());
                }
                Err(status) => Error::from_status(&status, Effect::Publishes),
            },
            Call::Open(acks) => match ready!(Pin::new(acks.as_mut()).poll_next(cx)) {
                Some(Ok(ack)) => match self.take(ack) {
                    Ok(()) => return Poll::Ready(()),
                    Err(error) => error,
                },
                Some(Err(status)) => Error::from_status(&status, Effect::Publishes),
                None => Error::interrupted(Effect::Publishes, "the publishing stream was cut off"),
            },
            Call::Broken(_) | Call::Done => return Poll::Ready(()),
        };
        if self.shared.lock().pipeline.is_done() {
            self.call = Call::Done;
        } else {
            self.shared.break_off(&broken);
            self.call = Call::Broken(broken);
        }
        Poll::Ready(())
    }

    /// Why the stream broke before the publisher was dropped and everything was answered.
    #[must_use]
    pub fn broken(&self) -> Option<&Error> {
        if let Call::Broken(error) = &self.call { Some(error) } else { None }
    }

    /// After the call: what is known of the oldest message without an answer.
    fn give_up(&self) -> Option<Option<Error>> {
        let error = match &self.call {
            Call::Opening(_) | Call::Open(_) => return None,
            Call::Done => return Some(None),
            Call::Broken(error) => error,
        };
        let place = self.shared.lock().pipeline.give_up();
        Some(place.map(|place| match place {
            Place::OnTheWay => error.clone(),
            Place::Queued => error.before_sending(),
        }))
    }
}

impl Stream for Acknowledgements {
    type Item = Result<Published, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(result) = self.results.pop_front() {
                return Poll::Ready(Some(result));
            }
            let refused = self.shared.lock().pipeline.poll_refused(cx);
            if let Some((refusal, weight)) = refused {
                self.shared.room.add_permits(weight as usize);
                return Poll::Ready(Some(Err(refusal)));
            }
            if let Some(end) = self.give_up() {
                return Poll::Ready(end.map(Err));
            }
            ready!(self.poll_call(cx));
        }
    }
}

impl Drop for Acknowledgements {
    fn drop(&mut self) {
        let message = "the acknowledgements were dropped";
        self.shared.break_off(&Error::new(ErrorKind::Interrupted, Retry::OutcomeUnknown, message));
    }
}

impl fmt::Debug for Acknowledgements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acknowledgements").field("shared", &self.shared).finish_non_exhaustive()
    }
}
