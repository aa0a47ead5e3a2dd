//! The empty handler: the broker's service, which answers at once with real messages and keeps nothing.
//!
//! It is as one would write it with tonic: generated messages, its codec, its server.

use crate::{
    bench::{
        body::{Press, Stamp},
        plan::Plan,
    },
    output,
};
use anyhow::Result;
use broker_proto::{
    Durability, FetchRequest, MessageResponse, PublishAck, PublishBatch, PublishRequest,
    PublishResponse, PublishResult, SubscribeRequest, publish_result,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use std::{
    convert::Infallible,
    ffi::OsString,
    future::{Future, Ready, ready},
    pin::Pin,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, SystemTime},
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    codegen::{Service, http},
    server::{Grpc, NamedService, ServerStreamingService, StreamingService, UnaryService},
    transport::{Server, server::TcpIncoming},
};
use tonic_prost::ProstCodec;

/// What its messages' subject begins with.
pub const SUBJECT: &str = "ceiling";
const LISTENING: &str = "an empty handler listens on ";

/// Larger than the broker's, so that they are no bound of what is measured.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 64 * 1024 * 1024;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
type Answering<T> = Pin<Box<dyn Future<Output = Result<T, Status>> + Send>>;

/// How a handler for that plan is started.
pub fn arguments(plan: &Plan) -> Vec<OsString> {
    let texts = [
        "bench".to_owned(),
        "empty".to_owned(),
        format!("--messages={}", plan.messages),
        format!("--body={}", plan.body_bytes),
        format!("--ttl={}ns", plan.ttl.as_nanos()),
    ];
    texts.into_iter().map(OsString::from).collect()
}

/// The address in what it says.
pub fn listening(line: &str) -> Option<String> {
    let (_, address) = line.split_once(LISTENING)?;
    Some(format!("http://{address}"))
}

/// Serves until it is told to end.
pub async fn run(plan: &Plan) -> Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let handler = Handler::new(plan);
    output::note(&format!("{LISTENING}{address}"));
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .add_service(handler)
        .serve_with_incoming_shutdown(
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            async move {
                terminate.recv().await;
            },
        )
        .await?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Clone)]
struct Handler(Arc<Store>);

/// What it has ready.
struct Store {
    bodies: Vec<Bytes>,
    subject: String,
    published_at: SystemTime,
    ttl: Duration,
    ids: AtomicU64,
}

impl Handler {
    fn new(plan: &Plan) -> Self {
        let mut press = Press::new(plan.body_bytes);
        let stamp = |number| Stamp { publisher: 0, number, due: 0, lifetime: plan.ttl };
        Self(Arc::new(Store {
            bodies: (0..plan.messages).map(|number| press.body(stamp(number))).collect(),
            subject: format!("{SUBJECT}.0"),
            published_at: SystemTime::now(),
            ttl: plan.ttl,
            ids: AtomicU64::new(0),
        }))
    }

    fn next_id(&self) -> u64 {
        self.0.ids.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The message of that id, from 1.
    fn message(&self, id: u64) -> Option<MessageResponse> {
        let at = usize::try_from(id.checked_sub(1)?).ok()?;
        Some(MessageResponse {
            body: self.0.bodies.get(at)?.clone(),
            id,
            subject: self.0.subject.clone(),
            published_at: Some(self.0.published_at.into()),
            expires_at: Some((self.0.published_at + self.0.ttl).into()),
            ..MessageResponse::default()
        })
    }
}

impl UnaryService<PublishRequest> for Handler {
    type Response = PublishResponse;
    type Future = Ready<Result<Response<PublishResponse>, Status>>;

    fn call(&mut self, _: Request<PublishRequest>) -> Self::Future {
        let durability = Durability::Disk.into();
        ready(Ok(Response::new(PublishResponse { id: self.next_id(), durability })))
    }
}

impl UnaryService<FetchRequest> for Handler {
    type Response = MessageResponse;
    type Future = Ready<Result<Response<MessageResponse>, Status>>;

    fn call(&mut self, request: Request<FetchRequest>) -> Self::Future {
        let message = self.message(request.get_ref().id);
        ready(message.map(Response::new).ok_or_else(|| Status::invalid_argument("no such id")))
    }
}

impl ServerStreamingService<SubscribeRequest> for Handler {
    type Response = MessageResponse;
    type ResponseStream = Answers<MessageResponse>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, _: Request<SubscribeRequest>) -> Self::Future {
        let this = self.clone();
        let messages = (1..).map_while(move |id| this.message(id)).map(Ok);
        // As one of a broker, it has no end.
        let messages: Answers<_> = Box::pin(stream::iter(messages).chain(stream::pending()));
        ready(Ok(Response::new(messages)))
    }
}

impl StreamingService<PublishBatch> for Handler {
    type Response = PublishAck;
    type ResponseStream = Answers<PublishAck>;
    type Future = Answering<Response<Self::ResponseStream>>;

    fn call(&mut self, request: Request<Streaming<PublishBatch>>) -> Self::Future {
        let this = self.clone();
        let acks = request.into_inner().map(move |batch| {
            let batch = batch?;
            let results = batch.messages.iter().map(|_| PublishResult {
                result: Some(publish_result::Result::Id(this.next_id())),
            });
            Ok(PublishAck { results: results.collect(), durability: Durability::Disk.into() })
        });
        let acks: Answers<_> = Box::pin(acks);
        Box::pin(ready(Ok(Response::new(acks))))
    }
}

impl NamedService for Handler {
    const NAME: &'static str = broker_proto::SERVICE;
}

impl Service<http::Request<Body>> for Handler {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            Ok(match request.uri().path() {
                "/broker.Broker/Publish" => {
                    let codec = ProstCodec::<PublishResponse, PublishRequest>::default();
                    Grpc::new(codec).unary(this, request).await
                }
                "/broker.Broker/Fetch" => {
                    let codec = ProstCodec::<MessageResponse, FetchRequest>::default();
                    Grpc::new(codec).unary(this, request).await
                }
                "/broker.Broker/Subscribe" => {
                    let codec = ProstCodec::<MessageResponse, SubscribeRequest>::default();
                    Grpc::new(codec).server_streaming(this, request).await
                }
                "/broker.Broker/PublishStream" => {
                    let codec = ProstCodec::<PublishAck, PublishBatch>::default();
                    Grpc::new(codec).streaming(this, request).await
                }
                _ => Status::unimplemented("no such call").into_http(),
            })
        })
    }
}
