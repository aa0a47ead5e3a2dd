//! Calls with the generated stubs, batched by hand: as little as gRPC allows.

use super::{Failure, Message, Received, Told, in_capitals};
use anyhow::{Context, Result};
use broker_client::{Delivery, Start};
use broker_proto::{
    FetchRequest, MessageResponse, PublishAck, PublishBatch, PublishRequest, SubscribeRequest,
    broker_client::BrokerClient, publish_result,
};
use futures_util::future::try_join_all;
use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Code, Status, Streaming,
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt;

/// As those of the library, so that both have the same room.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 64 * 1024 * 1024;
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// The end of what a batch takes.
const BATCH_MESSAGES: usize = 1_024;
const BATCH_BYTES: usize = 256 * 1024;
/// Batches that wait for the transport.
const BATCHES: usize = 4;

/// Connections with stubs.
#[derive(Debug, Clone)]
pub struct Stubs {
    channels: Arc<[Channel]>,
    next: Arc<AtomicUsize>,
}

impl Stubs {
    pub async fn connect(server: &str, connections: NonZeroUsize) -> Result<Self> {
        let address = match server.contains("://") {
            true => server.to_owned(),
            false => format!("http://{server}"),
        };
        let endpoint = Endpoint::from_shared(address)
            .with_context(|| format!("`{server}` is not the address of a broker"))?
            .connect_timeout(CONNECT_TIME)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        let channels = try_join_all((0..connections.get()).map(|_| endpoint.connect()));
        let channels = channels.await.with_context(|| format!("no connection to {server}"))?;
        Ok(Self { channels: channels.into(), next: Arc::default() })
    }

    fn grpc(&self) -> BrokerClient<Channel> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        BrokerClient::new(self.channels[turn % self.channels.len()].clone())
    }

    pub async fn publish(&self, message: Message) -> Told {
        Ok(self.grpc().publish(request(message)).await?.into_inner().id)
    }

    pub async fn fetch(&self, subject: &str, id: u64) -> Result<Delivery, Failure> {
        let request = FetchRequest { subject: subject.to_owned(), id };
        Ok(delivery(self.grpc().fetch(request).await?.into_inner()))
    }

    pub async fn subscribe(&self, subject: &str, start: Start) -> Result<Messages, Failure> {
        let mut request = SubscribeRequest { subject: subject.to_owned(), ..Default::default() };
        match start {
            Start::New => request.start = broker_proto::Start::New.into(),
            Start::After(id) => request.after_id = id,
            Start::Retained => {}
        }
        Ok(Messages(self.grpc().subscribe(request).await?.into_inner()))
    }

    pub async fn publish_stream(&self) -> Result<(Batches, Acks), Failure> {
        let (sender, batches) = mpsc::channel(BATCHES);
        let acks = self.grpc().publish_stream(ReceiverStream::new(batches)).await?.into_inner();
        Ok((Batches { sender, batch: Vec::new(), bytes: 0 }, Acks(acks)))
    }
}

/// A subscription.
pub struct Messages(Streaming<MessageResponse>);

impl Messages {
    pub async fn next(&mut self) -> Result<Received, Failure> {
        match self.0.message().await? {
            Some(message) => Ok(Received::Message(delivery(message))),
            None => Err(Failure::ended("the subscription ended")),
        }
    }
}

/// What goes into a publishing stream.
pub struct Batches {
    sender: mpsc::Sender<PublishBatch>,
    batch: Vec<PublishRequest>,
    bytes: usize,
}

impl Batches {
    pub async fn send(&mut self, message: Message) -> Result<(), Failure> {
        self.bytes += message.body.len() + message.subject.len();
        self.batch.push(request(message));
        if self.batch.len() >= BATCH_MESSAGES || self.bytes >= BATCH_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    pub async fn flush(&mut self) -> Result<(), Failure> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.bytes = 0;
        let messages = std::mem::take(&mut self.batch);
        let sent = self.sender.send(PublishBatch { messages }).await;
        sent.map_err(|_| Failure::ended("the publishing stream ended"))
    }
}

/// What comes out of it.
pub struct Acks(Streaming<PublishAck>);

impl Acks {
    pub async fn take(&mut self, told: &mut Vec<Told>) -> bool {
        match self.0.message().await {
            Ok(Some(ack)) => {
                told.extend(ack.results.into_iter().map(|result| match result.result {
                    Some(publish_result::Result::Id(id)) => Ok(id),
                    Some(publish_result::Result::Error(status)) => {
                        let code = Code::from(status.code);
                        Err(failure(code, None, status.message))
                    }
                    None => Err(Failure::ended("an empty answer")),
                }));
                true
            }
            // What has no answer yet stays without one.
            Ok(None) | Err(_) => false,
        }
    }
}

fn request(message: Message) -> PublishRequest {
    let lifetime = message.lifetime;
    let expiration = (!lifetime.is_zero()).then(|| prost_types::Duration {
        seconds: i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(lifetime.subsec_nanos()).unwrap_or(0),
    });
    PublishRequest {
        subject: message.subject,
        body: message.body,
        expiration,
        ..PublishRequest::default()
    }
}

fn delivery(message: MessageResponse) -> Delivery {
    let time = |at: prost_types::Timestamp| SystemTime::try_from(at).ok();
    Delivery {
        id: message.id,
        subject: message.subject,
        body: message.body,
        published_at: message.published_at.and_then(time),
        expires_at: message.expires_at.and_then(time),
        headers: message.headers,
        missed: message.missed,
    }
}

fn failure(code: Code, reason: Option<String>, text: String) -> Failure {
    let refused = [Code::InvalidArgument, Code::ResourceExhausted, Code::Unavailable];
    Failure {
        // Only the broker's own word says that nothing was stored.
        is_outcome_unknown: !refused.contains(&code)
            || (code == Code::Unavailable && reason.is_none()),
        status: reason.unwrap_or_else(|| in_capitals(&format!("{code:?}"))),
        text,
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let reason = status.get_details_error_info().map(|info| info.reason);
        failure(status.code(), reason, status.message().to_owned())
    }
}
