//! A server that speaks as a broker does, and lies.

use crate::lie::Lie;
use broker_proto::{
    Durability, FetchRequest, MessageResponse, PublishRequest, PublishResponse, SubscribeRequest,
};
use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    future::{Future, Ready, ready},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::{Service, http},
    server::{Grpc, NamedService, ServerStreamingService, UnaryService},
    transport::{Server, server::TcpIncoming},
};
use tonic_prost::ProstCodec;
use tonic_types::{ErrorDetails, StatusExt};

/// A running server, which ends with this.
pub struct Liar {
    /// Where it is.
    pub address: SocketAddr,
    running: JoinHandle<()>,
}

impl Liar {
    /// Starts a server that lies like this.
    pub async fn start(lie: Lie) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let (subjects, subscriptions) = Default::default();
        let story = Story { lie, subjects, subscriptions, news: watch::Sender::new(()) };
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let serving = Server::builder().add_service(story).serve_with_incoming(incoming);
        let running = tokio::spawn(async { serving.await.expect("it serves until it is dropped") });
        Self { address, running }
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// What it tells.
#[derive(Clone)]
struct Story {
    lie: Lie,
    subjects: Arc<Mutex<HashMap<String, Kept>>>,
    subscriptions: Arc<AtomicU64>,
    /// Sent whenever there is a new message.
    news: watch::Sender<()>,
}

/// The messages of a subject.
#[derive(Default)]
struct Kept {
    last_id: u64,
    messages: Vec<MessageResponse>,
}

impl Kept {
    fn add(&mut self, request: &PublishRequest) {
        self.last_id += 1;
        let (body, subject) = (request.body.clone(), request.subject.clone());
        self.messages.push(MessageResponse {
            body,
            id: self.last_id,
            subject,
            ..Default::default()
        });
    }
}

impl Story {
    fn subjects(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.subjects.lock().expect("no test panics while it has this")
    }

    fn publish(&self, request: &PublishRequest) -> Result<PublishResponse, Status> {
        let acknowledged =
            |id, durability: Durability| Ok(PublishResponse { id, durability: durability.into() });
        if !request.keep && request.expiration_seconds == 0 {
            let id = u64::from(self.lie == Lie::KeepLive);
            return acknowledged(id, Durability::Delivered);
        }
        let mut subjects = self.subjects();
        let kept = subjects.entry(request.subject.clone()).or_default();
        if self.lie.is(Lie::Forget, kept.last_id + 1) {
            kept.last_id += 1;
            return acknowledged(kept.last_id, Durability::Disk);
        }
        kept.add(request);
        let id = kept.last_id;
        if self.lie.is(Lie::StoreTwice, id) {
            kept.add(request);
        }
        drop(subjects);
        self.news.send_replace(());
        if !self.lie.befalls(id) {
            return acknowledged(id, Durability::Disk);
        }
        match self.lie {
            Lie::NoId => acknowledged(0, Durability::Disk),
            Lie::SameId => acknowledged(id - 1, Durability::Disk),
            Lie::NotDurable => acknowledged(id, Durability::Delivered),
            Lie::RefuseAndStore => Err(refusal(tonic::Code::Unavailable, "STORAGE_UNAVAILABLE")),
            _ => acknowledged(id, Durability::Disk),
        }
    }

    fn fetch(&self, request: &FetchRequest) -> Result<MessageResponse, Status> {
        let subjects = self.subjects();
        let messages = subjects.get(&request.subject).map(|kept| &kept.messages[..]);
        let found = messages.unwrap_or_default().iter().find(|message| message.id == request.id);
        match found {
            Some(message) => Ok(self.shown(message)),
            None if self.lie == Lie::Invent => Ok(MessageResponse::default()),
            None => Err(refusal(tonic::Code::InvalidArgument, "MESSAGE_NOT_FOUND")),
        }
    }

    /// A message, as it is read.
    fn shown(&self, message: &MessageResponse) -> MessageResponse {
        let mut shown = message.clone();
        if self.lie.is(Lie::Garble, message.id) {
            let mut body = message.body.to_vec();
            if let Some(last) = body.last_mut() {
                *last ^= 1;
            }
            shown.body = body.into();
        }
        if self.lie.is(Lie::Misname, message.id) {
            shown.subject.push('x');
        }
        shown
    }

    /// What a subscriber is sent of the message at this place: nothing, it, or more; `held` waits for the next.
    fn sent(
        &self,
        message: &MessageResponse,
        held: &mut VecDeque<MessageResponse>,
    ) -> Vec<MessageResponse> {
        let shown = self.shown(message);
        let befallen = self.lie.befalls(message.id);
        let mut sent = match self.lie {
            Lie::Drop if befallen => Vec::new(),
            Lie::Repeat if befallen => vec![shown.clone(), shown],
            Lie::Swap if befallen => {
                held.push_back(shown);
                return Vec::new();
            }
            _ => vec![shown],
        };
        sent.extend(held.drain(..));
        sent
    }

    /// Sends what is there and what is new, until the subscriber goes.
    async fn deliver(
        self,
        request: SubscribeRequest,
        to: mpsc::Sender<Result<MessageResponse, Status>>,
    ) {
        let (mut news, mut at, mut held) = (self.news.subscribe(), 0, VecDeque::new());
        loop {
            let new =
                self.subjects().get(&request.subject).map(|kept| kept.messages[at..].to_vec());
            for message in new.unwrap_or_default() {
                at += 1;
                if self.lie.is(Lie::End, message.id) {
                    return;
                }
                for message in self.sent(&message, &mut held) {
                    if to.send(Ok(message)).await.is_err() {
                        return;
                    }
                }
            }
            tokio::select! {
                () = to.closed() => return,
                changed = news.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// An error in the broker's own words.
fn refusal(code: tonic::Code, reason: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, broker_proto::ERROR_DOMAIN, HashMap::new());
    Status::with_error_details(code, "so it says", details)
}

impl UnaryService<PublishRequest> for Story {
    type Response = PublishResponse;
    type Future = Ready<Result<Response<PublishResponse>, Status>>;

    fn call(&mut self, request: Request<PublishRequest>) -> Self::Future {
        ready(self.publish(request.get_ref()).map(Response::new))
    }
}

impl UnaryService<FetchRequest> for Story {
    type Response = MessageResponse;
    type Future = Ready<Result<Response<MessageResponse>, Status>>;

    fn call(&mut self, request: Request<FetchRequest>) -> Self::Future {
        ready(self.fetch(request.get_ref()).map(Response::new))
    }
}

impl ServerStreamingService<SubscribeRequest> for Story {
    type Response = MessageResponse;
    type ResponseStream = ReceiverStream<Result<MessageResponse, Status>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<SubscribeRequest>) -> Self::Future {
        let before = self.subscriptions.fetch_add(1, Ordering::Relaxed);
        if self.lie == Lie::Limit && before.is_multiple_of(2) {
            return ready(Err(refusal(tonic::Code::ResourceExhausted, "OVERLOADED")));
        }
        let (to, from) = mpsc::channel(16);
        tokio::spawn(self.clone().deliver(request.into_inner(), to));
        ready(Ok(Response::new(ReceiverStream::new(from))))
    }
}

impl NamedService for Story {
    const NAME: &'static str = broker_proto::SERVICE;
}

impl Service<http::Request<Body>> for Story {
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
                _ => Status::unimplemented("no such call").into_http(),
            })
        })
    }
}
