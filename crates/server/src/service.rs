//! The four calls.

use crate::{
    convert, feed, ingest,
    limits::{BY_REFERENCE, ServerLimits},
    receiving::{Receiving, Room},
    reply,
    status::Problem,
};
use broker_core::{Broker, Publication};
use bytes::BytesMut;
use convert::{Invalid, Publications};
use http::{Request, Response};
use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::{Semaphore, watch};
use tonic::{Status, body::Body, server::NamedService};

/// The broker as a tower service of gRPC requests.
///
/// The calls are matched by hand: each reads its request as bytes, so that what cannot be decoded is
/// answered with the contract's words, and writes frames that are encoded already.
#[derive(Clone)]
pub struct BrokerService {
    broker: Broker,
    room: Arc<Room>,
    publish_streams: Arc<Semaphore>,
    closing: watch::Receiver<bool>,
}

impl NamedService for BrokerService {
    const NAME: &'static str = broker_proto::SERVICE;
}

impl BrokerService {
    /// The service over a broker; publish streams end when `closing` turns true.
    pub fn new(broker: Broker, limits: &ServerLimits, closing: watch::Receiver<bool>) -> Self {
        Self {
            broker,
            room: Room::new(limits.receiving_bytes),
            publish_streams: Arc::new(Semaphore::new(limits.publish_streams)),
            closing,
        }
    }

    async fn answer(self, request: Request<Body>) -> Response<Body> {
        let deadline = deadline(request.headers());
        let answered = match request.uri().path() {
            "/broker.Broker/Publish" => {
                // What the store says after the client's deadline, nobody hears.
                within(deadline, Problem::OutcomeUnknown, self.publish(request)).await
            }
            "/broker.Broker/Fetch" => {
                within(deadline, Problem::DeadlineExceeded, self.fetch(request)).await
            }
            "/broker.Broker/Subscribe" => {
                within(deadline, Problem::DeadlineExceeded, self.subscribe(request)).await
            }
            "/broker.Broker/PublishStream" => self.publish_stream(request),
            _ => Err(Problem::NoSuchMethod.into()),
        };
        answered.unwrap_or_else(Status::into_http)
    }

    async fn publish(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let encoded = Receiving::new(request, &self.room)?.only(too_large).await?;
        let publication: Publication =
            Publications::default().read(encoded).map_err(Problem::from)?;
        let receipt = self.broker.try_submit(vec![publication]).map_err(Problem::from)?;
        let published = match receipt.await.pop() {
            Some(answer) => answer.map_err(Problem::from)?,
            None => return Err(Problem::Internal.into()),
        };
        let durability = self.broker.durability();
        Ok(reply::one(&convert::publish_response(published.id, durability)))
    }

    async fn fetch(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let encoded = Receiving::new(request, &self.room)?.only(too_large).await?;
        let (subject, id) = convert::fetch(encoded).map_err(Problem::from)?;
        let message = self.broker.fetch(&subject, id).await.map_err(Problem::from)?;
        let mut frame = BytesMut::with_capacity(BY_REFERENCE.min(message.body.len() + 256));
        convert::put_message_frame(&message, 0, &mut frame);
        Ok(reply::one_frame(frame.freeze()))
    }

    async fn subscribe(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let encoded = Receiving::new(request, &self.room)?.only(too_large).await?;
        let (subject, start) = convert::subscribe(encoded).map_err(Problem::from)?;
        let subscription = self.broker.subscribe(subject, start).await.map_err(Problem::from)?;
        Ok(reply::stream(feed::frames(subscription)))
    }

    fn publish_stream(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        if *self.closing.borrow() {
            return Err(Problem::Closing.into());
        }
        let permit = self.publish_streams.try_acquire_owned();
        let permit = permit.map_err(|_| Problem::Overloaded("publish_streams"))?;
        let receiving = Receiving::new(request, &self.room)?;
        let acknowledgements =
            ingest::acknowledgements(self.broker, receiving, self.closing, permit);
        Ok(reply::stream(acknowledgements))
    }
}

/// A unary request that is larger than anything that is read.
fn too_large(_: String) -> Problem {
    Invalid::TooLarge(crate::limits::MAX_REQUEST).into()
}

async fn within(
    deadline: Option<Duration>,
    late: Problem,
    call: impl Future<Output = Result<Response<Body>, Status>>,
) -> Result<Response<Body>, Status> {
    match deadline {
        None => call.await,
        Some(deadline) => {
            tokio::time::timeout(deadline, call).await.unwrap_or_else(|_| Err(late.into()))
        }
    }
}

/// The header `grpc-timeout`: up to eight digits and a unit, as gRPC over HTTP/2 defines it. What is
/// no such value is passed over: a deadline is the client's own concern.
fn deadline(headers: &http::HeaderMap) -> Option<Duration> {
    let value = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.len() > 8 {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3_600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

impl tower::Service<Request<Body>> for BrokerService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.answer(request).await) })
    }
}
