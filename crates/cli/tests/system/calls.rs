//! The broker's calls, as a test makes them: each with a deadline.

use crate::{
    body::{self, Key, MARKER},
    waiting::{PATIENCE, within},
};
use broker_proto::{
    FetchRequest, MessageResponse, PublishRequest, SubscribeRequest, broker_client::BrokerClient,
};
use std::{net::SocketAddr, time::Duration};
use tokio_stream::StreamExt;
use tonic::{
    Code, Status, Streaming,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_types::StatusExt;

/// What speaks to a broker.
pub type Client = BrokerClient<Channel>;

/// Where a client goes.
pub fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::from_shared(format!("http://{address}"))
        .expect("an address is a uri")
        .connect_timeout(PATIENCE)
        .tcp_nodelay(true)
}

/// A connection of its own.
pub async fn connect(address: SocketAddr) -> Client {
    let channel = within(PATIENCE, "connect", endpoint(address).connect()).await;
    BrokerClient::new(channel.expect("the broker listens"))
}

/// Publishes one message.
pub async fn publish(client: &Client, request: PublishRequest) -> Result<u64, Status> {
    let mut client = client.clone();
    let answer = within(PATIENCE, "publish", client.publish(request)).await;
    answer.map(|answer| answer.into_inner().id)
}

/// A message that is kept for good.
pub fn kept(subject: &str, body: impl Into<bytes::Bytes>) -> PublishRequest {
    let (subject, body) = (subject.into(), body.into());
    PublishRequest { subject, body, keep: true, ..PublishRequest::default() }
}

/// Fetches one message.
pub async fn fetch(client: &Client, subject: &str, id: u64) -> Result<MessageResponse, Status> {
    let (mut client, subject) = (client.clone(), subject.into());
    let answer = within(PATIENCE, "fetch", client.fetch(FetchRequest { subject, id })).await;
    answer.map(tonic::Response::into_inner)
}

/// Subscribes: all that is kept above an id, then what is new.
pub async fn subscribe(
    client: &Client,
    subject: &str,
    after_id: u64,
) -> Result<Streaming<MessageResponse>, Status> {
    let request = SubscribeRequest { subject: subject.into(), after_id, ..Default::default() };
    let mut client = client.clone();
    let answer = within(PATIENCE, "subscribe", client.subscribe(request)).await;
    answer.map(tonic::Response::into_inner)
}

/// The next message of a subscription.
pub async fn next(stream: &mut Streaming<MessageResponse>) -> Result<MessageResponse, Status> {
    let next = within(PATIENCE, "next message", stream.next()).await;
    next.unwrap_or_else(|| Err(Status::aborted("the subscription ended without a status")))
}

/// Everything a subject shows now. Publishes a marker and reads up to it.
pub async fn replay(client: &Client, subject: &str, round: u64) -> Vec<MessageResponse> {
    let marker = Key { publisher: MARKER, number: round };
    let mut request = kept(subject, body::encode(marker, 0));
    request.keep = false;
    request.expiration_seconds = 60;
    let end = publish(client, request).await.expect("the marker is stored");
    let mut stream = subscribe(client, subject, 0).await.expect("a subscription");
    let mut messages = Vec::new();
    loop {
        let message = next(&mut stream).await.expect("a message up to the marker");
        if message.id >= end {
            return messages;
        }
        if body::decode(&message.body).is_none_or(|key| key.publisher != MARKER) {
            messages.push(message);
        }
    }
}

/// The reason a program can switch on.
pub fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// When the broker asks to be tried again.
pub fn retry_after(status: &Status) -> Option<Duration> {
    status.get_details_retry_info().and_then(|info| info.retry_delay)
}

/// Whether a status says that a message is surely not stored.
pub fn is_refusal(status: &Status) -> bool {
    let refusals = [Code::Unavailable, Code::ResourceExhausted, Code::InvalidArgument];
    refusals.contains(&status.code()) && !reason(status).is_empty()
}

/// Whether a call may fare better a little later, at the same broker.
pub fn comes_back(status: &Status) -> bool {
    ["OVERLOADED", "STORAGE_UNAVAILABLE", "OUTCOME_UNKNOWN"].contains(&&*reason(status))
}

/// What gRPC health says of the whole broker; nothing if nobody answers.
pub async fn health(address: SocketAddr) -> Option<i32> {
    let channel = endpoint(address).connect_timeout(Duration::from_secs(1)).connect().await.ok()?;
    let request = HealthCheckRequest { service: String::new() };
    let answer = HealthClient::new(channel).check(request).await.ok()?;
    Some(answer.into_inner().status)
}
