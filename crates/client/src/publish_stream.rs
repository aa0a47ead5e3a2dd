//! One publishing stream of the wire: messages go in, answers come out in their order.

use crate::{
    Error, PublishOptions, Published,
    error::{Effect, ErrorKind, Retry},
    pipeline::{Pipeline, Place},
    wire,
};
use broker_proto::{PublishAck, PublishBatch, PublishRequest, broker_client::BrokerClient};
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

/// What a message of that encoded size takes of the bytes in flight.
pub fn weight(size: usize) -> u32 {
    // The size was checked against a limit far below.
    u32::try_from(size + BOOKKEEPING).unwrap_or(u32::MAX)
}

/// The sending half of a publishing stream. Dropping it finishes the stream: everything sent is
/// still answered.
#[derive(Debug)]
pub struct PublishStream {
    shared: Arc<Shared>,
}

/// The answering half: a stream with one item for every message sent, in the order sent.
///
/// It has to be polled for anything to be sent, beside the [`PublishStream`] and not after it: with
/// [`MAX_BYTES_IN_FLIGHT`] under way, `send` waits for answers to be taken here. It ends when the
/// sending half is dropped and everything is answered, or when the stream broke: then every message
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

/// What [`Acknowledgements`] say next.
pub enum Answer {
    /// Of the oldest message without an answer.
    Message(Result<Published, Error>),
    /// The stream is over, and why if it broke. What has no answer can be asked for.
    Over(Option<Error>),
}

pub fn open(grpc: BrokerClient<Channel>) -> (PublishStream, Acknowledgements) {
    open_with_room(grpc, MAX_BYTES_IN_FLIGHT)
}

pub fn open_with_room(
    mut grpc: BrokerClient<Channel>,
    bytes: usize,
) -> (PublishStream, Acknowledgements) {
    let shared = Arc::new(Shared { state: Mutex::default(), room: Semaphore::new(bytes) });
    let batches = Batches(shared.clone());
    let opening: Opening = Box::pin(async move { grpc.publish_stream(batches).await });
    let acknowledgements = Acknowledgements {
        shared: shared.clone(),
        call: Call::Opening(opening),
        results: VecDeque::new(),
    };
    (PublishStream { shared }, acknowledgements)
}

impl PublishStream {
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
        let weight = weight(size.as_ref().copied().unwrap_or(0));
        // A closed semaphore means that the stream broke, which the state tells better. Mostly there
        // is room at once, and nothing is made to wait for it.
        if let Ok(room) = self.shared.room.try_acquire_many(weight) {
            room.forget();
        } else if let Ok(room) = self.shared.room.acquire_many(weight).await {
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

    /// Hands over a message of checked size at once, for who counts the bytes under way himself.
    pub(crate) fn push(&self, request: PublishRequest, weight: u32) {
        self.shared.room.forget_permits(weight as usize);
        self.shared.lock().pipeline.push(request, weight);
    }
}

impl Drop for PublishStream {
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
        let (mut freed, mut outcome) = (0, Ok(()));
        for result in wire::results(ack) {
            let Some(weight) = state.pipeline.answer() else {
                let message = "the broker answered a message that was not sent";
                outcome = Err(Error::interrupted(Effect::Streams, message));
                break;
            };
            freed += weight as usize;
            self.results.push_back(result);
            while let Some((refusal, weight)) = state.pipeline.next_refused() {
                freed += weight as usize;
                self.results.push_back(Err(refusal));
            }
        }
        self.shared.room.add_permits(freed);
        outcome
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
                Some(Err(status)) => Error::from_status(&status, Effect::Streams),
                None => Error::interrupted(Effect::Streams, "the publishing stream was cut off"),
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

    /// Why the stream broke before the sending half was dropped and everything was answered.
    #[must_use]
    pub fn broken(&self) -> Option<&Error> {
        if let Call::Broken(error) = &self.call { Some(error) } else { None }
    }

    /// The next answer, or that there will be none.
    pub(crate) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        loop {
            if let Some(result) = self.results.pop_front() {
                return Poll::Ready(Answer::Message(result));
            }
            let refused = self.shared.lock().pipeline.poll_refused(cx);
            if let Some((refusal, weight)) = refused {
                self.shared.room.add_permits(weight as usize);
                return Poll::Ready(Answer::Message(Err(refusal)));
            }
            match &self.call {
                Call::Opening(_) | Call::Open(_) => {}
                Call::Done => return Poll::Ready(Answer::Over(None)),
                Call::Broken(error) => return Poll::Ready(Answer::Over(Some(error.clone()))),
            }
            ready!(self.poll_call(cx));
        }
    }

    /// After the stream is over: the messages that never left, the last of those without an answer.
    pub(crate) fn take_unsent(&mut self) -> Vec<PublishRequest> {
        self.shared.lock().pipeline.take_unsent().collect()
    }
}

impl Stream for Acknowledgements {
    type Item = Result<Published, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let error = match ready!(self.poll_answer(cx)) {
            Answer::Message(result) => return Poll::Ready(Some(result)),
            Answer::Over(None) => return Poll::Ready(None),
            Answer::Over(Some(error)) => error,
        };
        let place = self.shared.lock().pipeline.give_up();
        Poll::Ready(place.map(|place| match place {
            Place::OnTheWay => Err(error),
            Place::Queued => Err(error.before_sending()),
        }))
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
