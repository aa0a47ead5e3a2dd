//! A server that does with a call whatever a test says.

use broker_client::Client;
use broker_proto::{
    Durability, MessageResponse, PublishAck, PublishBatch, PublishResult, SubscribeRequest,
    publish_result,
};
use futures_util::{
    FutureExt,
    future::BoxFuture,
    stream::{self, BoxStream, StreamExt},
};
use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Code, Request, Response, Status, Streaming,
    body::Body,
    codegen::{Service, http},
    server::{Grpc, NamedService, ServerStreamingService, StreamingService},
    transport::Server,
};
use tonic_prost::ProstCodec;
use tonic_types::{ErrorDetails, StatusExt};

pub type Answer<T> =
    BoxFuture<'static, Result<Response<BoxStream<'static, Result<T, Status>>>, Status>>;

/// Long enough for anything on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What happens to publish streams and subscriptions.
#[derive(Clone)]
pub struct Fake {
    pub publish: Arc<dyn Fn(Streaming<PublishBatch>) -> Answer<PublishAck> + Send + Sync>,
    pub subscribe: Arc<dyn Fn(SubscribeRequest) -> Answer<MessageResponse> + Send + Sync>,
    /// Other calls, none of which is ever answered.
    pub unanswered: Unanswered,
}

/// Counts calls that go on.
#[derive(Clone, Default)]
pub struct Unanswered(Arc<AtomicUsize>);

impl Unanswered {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn another(&self) -> Counted {
        self.0.fetch_add(1, Ordering::SeqCst);
        Counted(self.clone())
    }
}

struct Counted(Unanswered);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Default for Fake {
    fn default() -> Self {
        let refuse = || async { Err(Status::unimplemented("not faked")) };
        Self {
            publish: Arc::new(move |_| refuse().boxed()),
            subscribe: Arc::new(move |_| async { Err(Status::unimplemented("not faked")) }.boxed()),
            unanswered: Unanswered::default(),
        }
    }
}

impl Fake {
    /// Publish streams are answered with these items, after their first batch.
    pub fn publishing(items: Vec<Result<PublishAck, Status>>) -> Self {
        let items = Arc::new(items);
        Self {
            publish: Arc::new(move |mut batches| {
                let items = items.clone();
                async move {
                    let _ = batches.message().await?;
                    // The batches are not read on, and not refused either.
                    let answers = (*items).clone().into_iter().inspect(move |_| {
                        let _ = &batches;
                    });
                    Ok(Response::new(stream::iter(answers).boxed()))
                }
                .boxed()
            }),
            ..Self::default()
        }
    }

    /// A client of this server, which serves until the runtime ends.
    pub async fn client(self) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::builder().add_service(self);
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        client(address).await
    }
}

pub async fn client(address: SocketAddr) -> Client {
    let client = Client::connect(&address.to_string()).await.unwrap();
    client.with_deadline(PATIENCE)
}

pub fn ack(ids: impl IntoIterator<Item = u64>) -> PublishAck {
    let result = |id| PublishResult { result: Some(publish_result::Result::Id(id)) };
    let results = ids.into_iter().map(result).collect();
    PublishAck { results, durability: Durability::Disk.into() }
}

pub fn refusal(code: Code, reason: &str) -> Status {
    status(code, info(reason, []))
}

/// A refusal that asks for a pause.
pub fn refusal_after(code: Code, reason: &str, pause: Duration) -> Status {
    let mut details = info(reason, []);
    details.set_retry_info(Some(pause));
    status(code, details)
}

/// What is said of a damaged message.
pub fn damaged(id: u64) -> Status {
    status(Code::DataLoss, info("MESSAGE_DAMAGED", [("id".to_owned(), id.to_string())]))
}

fn info<const N: usize>(reason: &str, metadata: [(String, String); N]) -> ErrorDetails {
    ErrorDetails::with_error_info(reason, "broker", HashMap::from(metadata))
}

fn status(code: Code, details: ErrorDetails) -> Status {
    Status::with_error_details(code, "refused", details)
}

impl NamedService for Fake {
    const NAME: &'static str = "broker.Broker";
}

impl Service<http::Request<Body>> for Fake {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let fake = self.clone();
        let path = request.uri().path().to_owned();
        async move {
            Ok(match path.as_str() {
                "/broker.Broker/PublishStream" => {
                    let codec = ProstCodec::<PublishAck, PublishBatch>::default();
                    Grpc::new(codec).streaming(Publishing(fake), request).await
                }
                "/broker.Broker/Subscribe" => {
                    let codec = ProstCodec::<MessageResponse, SubscribeRequest>::default();
                    Grpc::new(codec).server_streaming(Subscribing(fake), request).await
                }
                // No answer at all.
                _ => {
                    let _counted = fake.unanswered.another();
                    std::future::pending().await
                }
            })
        }
        .boxed()
    }
}

struct Publishing(Fake);

impl StreamingService<PublishBatch> for Publishing {
    type Response = PublishAck;
    type ResponseStream = BoxStream<'static, Result<PublishAck, Status>>;
    type Future = Answer<PublishAck>;

    fn call(&mut self, request: Request<Streaming<PublishBatch>>) -> Self::Future {
        (self.0.publish)(request.into_inner())
    }
}

struct Subscribing(Fake);

impl ServerStreamingService<SubscribeRequest> for Subscribing {
    type Response = MessageResponse;
    type ResponseStream = BoxStream<'static, Result<MessageResponse, Status>>;
    type Future = Answer<MessageResponse>;

    fn call(&mut self, request: Request<SubscribeRequest>) -> Self::Future {
        (self.0.subscribe)(request.into_inner())
    }
}
