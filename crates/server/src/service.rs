//! The four calls.
//!
//! Each reads its request as bytes, so that what cannot be decoded is answered with the contract's
//! words, and writes frames that are encoded already.

use crate::{
    call::{self, Call},
    convert::{self, Publications},
    feed, ingest,
    limits::{BY_REFERENCE, SMALL_ANSWERS, SMALL_MESSAGE, ServerLimits},
    observe::RpcObserver,
    opening::Opening,
    receiving::{Kind, Receiving},
    reply::{self, Message},
    results::Pool,
    room::Room,
    shutdown::{Phase, Watch},
    status::Problem,
    trace::{CallTrace, Delivering, Tracing},
    usage::Meters,
};
use broker_core::{Batch, Broker};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt, stream::BoxStream};
use http::{Request, Response};
use http_body::Body as HttpBody;
use std::{future::Future, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::timeout};
use tonic::body::Body;

/// A call of the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Publish,
    Fetch,
    Subscribe,
    PublishStream,
}

/// What a call answers with.
enum Answer {
    One(Message),
    Frames(BoxStream<'static, Result<Bytes, Problem>>),
}

/// The broker as its clients see it.
pub struct Service {
    opening: Opening,
    watch: Watch,
    receiving: Room,
    sending: Room,
    /// Room for small answers.
    small: Room,
    results: Arc<Pool>,
    publish_streams: Arc<Semaphore>,
    observer: Arc<dyn RpcObserver>,
    tracing: Tracing,
}

impl Service {
    /// `meters` measure its limits.
    pub fn new(
        opening: Opening,
        limits: &ServerLimits,
        watch: Watch,
        observer: Arc<dyn RpcObserver>,
        tracing: Tracing,
        meters: &Meters,
    ) -> Self {
        let room = |name, limit| {
            let room = Room::new(name, limit, observer.clone());
            room.measured_by(meters);
            room
        };
        let results = Pool::new(limits.waiting_result_bytes);
        results.measured_by(meters);
        let publish_streams = Arc::new(Semaphore::new(limits.publish_streams));
        meters.permits("publish_streams", &publish_streams, limits.publish_streams);
        Self {
            opening,
            watch,
            receiving: room("receiving_bytes", limits.receiving_bytes),
            sending: room("sending_bytes", limits.sending_bytes),
            small: room("small_answers", SMALL_ANSWERS),
            results,
            publish_streams,
            observer,
            tracing,
        }
    }

    /// Answers a gRPC request.
    pub async fn answer<B>(
        &self,
        method: Method,
        request: Request<B>,
        mut call: Call,
    ) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    {
        let deadline = match call::timeout(request.headers()) {
            Ok(deadline) => deadline,
            Err(problem) => return reply::problem(problem, call),
        };
        match self.run(method, request, deadline, &mut call).await {
            Ok(Answer::One(message)) => reply::one(message, call),
            Ok(Answer::Frames(frames)) => reply::stream(frames, deadline, call),
            Err(problem) => reply::problem(self.watch.explain(problem), call),
        }
    }

    async fn run<B>(
        &self,
        method: Method,
        request: Request<B>,
        deadline: Option<Duration>,
        call: &mut Call,
    ) -> Result<Answer, Problem>
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    {
        if self.watch.is(Phase::Closing) {
            return Err(self.watch.farewell());
        }
        let broker = self.opening.broker()?;
        let late = Problem::DeadlineExceeded;
        match method {
            Method::Publish => self.publish(broker, request, deadline, call.trace()).await,
            Method::Fetch => {
                within(deadline, late, self.fetch(broker, request, call.trace())).await
            }
            Method::Subscribe => {
                within(deadline, late, self.subscribe(broker, request, call.trace())).await
            }
            Method::PublishStream => self.publish_stream(broker, request, call),
        }
    }

    async fn publish<B>(
        &self,
        broker: &Broker,
        request: Request<B>,
        deadline: Option<Duration>,
        trace: &CallTrace,
    ) -> Result<Answer, Problem>
    where
        B: HttpBody<Data = Bytes> + Unpin,
    {
        let begun = tokio::time::Instant::now();
        let late = Problem::DeadlineExceeded;
        let received = within(deadline, late, self.receive(request)).await?;
        let read = Publications::default().read(&received.bytes, &received.bytes);
        let mut publications = vec![read?];
        // A body that is kept as it is holds the buffer by itself.
        drop(received.bytes);
        let span = self.tracing.publish(trace, &mut publications);
        let receipt = broker.try_submit(Batch { publications, span })?;
        drop(received.share);
        // The client's deadline changes nothing for the store: what it says later, nobody hears.
        let left = deadline.map(|deadline| deadline.saturating_sub(begun.elapsed()));
        let answers = within(left, Problem::OutcomeUnknown, async { Ok(receipt.await) }).await?;
        let published = answers.into_iter().next().ok_or(Problem::Internal)??;
        let response = convert::publish_response(published.id, broker.durability());
        Ok(Answer::One(Message::of(&response)))
    }

    async fn fetch<B>(
        &self,
        broker: &Broker,
        request: Request<B>,
        trace: &CallTrace,
    ) -> Result<Answer, Problem>
    where
        B: HttpBody<Data = Bytes> + Unpin,
    {
        let (subject, id) = convert::fetch(self.receive(request).await?.bytes)?;
        // Most are small, and do not wait behind large ones. What is larger changes over when its size
        // is known.
        let mut share = self.small.take(SMALL_MESSAGE).await?;
        let mut message = broker.fetch_within(&trace.span, &subject, id).await?;
        if message.weight() > SMALL_MESSAGE {
            share = match self.sending.try_take(message.weight()) {
                Ok(share) => share,
                Err(_) => {
                    // Who waits holds nothing: it can be read again.
                    let weight = message.weight();
                    drop((message, share));
                    let share = self.sending.take(weight).await?;
                    message = broker.fetch_within(&trace.span, &subject, id).await?;
                    share
                }
            };
        }
        let mut reply = Message { share: Some(share), ..Message::default() };
        let mut buffer = BytesMut::new();
        if message.body.len() < BY_REFERENCE {
            convert::put_message_frame(&message, 0, &mut buffer);
            reply.first = buffer.freeze();
        } else {
            convert::put_before_body(&message, 0, &mut buffer);
            reply.first = buffer.split().freeze();
            convert::put_after_body(&message, 0, &mut buffer);
            reply.more = [message.body.clone(), buffer.freeze()].into();
        }
        Ok(Answer::One(reply))
    }

    async fn subscribe<B>(
        &self,
        broker: &Broker,
        request: Request<B>,
        trace: &CallTrace,
    ) -> Result<Answer, Problem>
    where
        B: HttpBody<Data = Bytes> + Unpin,
    {
        let (subject, start) = convert::subscribe(self.receive(request).await?.bytes)?;
        let subscription = broker.subscribe(subject, start).await?;
        let delivering = Delivering::new(self.tracing.clone(), trace.span.clone());
        let frames = feed::frames(broker.clone(), subscription, self.sending.clone(), delivering);
        Ok(self.frames(frames))
    }

    fn publish_stream<B>(
        &self,
        broker: &Broker,
        request: Request<B>,
        call: &mut Call,
    ) -> Result<Answer, Problem>
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    {
        let Ok(permit) = self.publish_streams.clone().try_acquire_owned() else {
            self.observer.overloaded("publish_streams");
            return Err(Problem::Overloaded("publish_streams"));
        };
        call.hold(permit);
        let receiving = Receiving::new(request, Kind::Batches, self.receiving.clone())?;
        Ok(self.frames(ingest::acknowledgements(
            broker.clone(),
            receiving,
            self.watch.clone(),
            self.results.clone(),
            self.observer.clone(),
            (self.tracing.clone(), call.trace().clone()),
        )))
    }

    fn frames(
        &self,
        frames: impl Stream<Item = Result<Bytes, Problem>> + Send + 'static,
    ) -> Answer {
        let watch = self.watch.clone();
        Answer::Frames(frames.map_err(move |problem| watch.explain(problem)).boxed())
    }

    async fn receive<B>(&self, request: Request<B>) -> Result<crate::receiving::Received, Problem>
    where
        B: HttpBody<Data = Bytes> + Unpin,
    {
        Receiving::new(request, Kind::Unary, self.receiving.clone())?.only().await
    }
}

async fn within<T>(
    deadline: Option<Duration>,
    late: Problem,
    call: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    match deadline {
        None => call.await,
        Some(deadline) => timeout(deadline, call).await.unwrap_or(Err(late)),
    }
}
