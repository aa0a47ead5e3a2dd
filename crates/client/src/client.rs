//! A client and its calls.

use crate::{
    Acknowledgements, ClientOptions, Delivery, Error, PublishOptions, PublishStream, Published,
    Publisher, PublisherOptions, Start, SubscribeOptions, Subscription, connections::Connections,
    error::Effect, handover::Handover, publish_stream, publisher, source::Source, subscription,
    wire,
};
use broker_proto::{PublishRequest, PublishResponse, broker_client::BrokerClient};
use bytes::Bytes;
use std::{future::Future, time::Duration};
use tonic::{
    Request, Response, Status,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_prost::ProstCodec;

const PUBLISH: &str = "/broker.Broker/Publish";

/// A client of one broker. Cheap to clone; all clones share its connections.
///
/// A connection that breaks is made again by the next call. Dropping the future of a call ends the
/// call at the broker too.
#[derive(Debug, Clone)]
pub struct Client {
    connections: Connections,
    endpoint: Endpoint,
    deadline: Duration,
}

impl Client {
    /// Connects to `http://host:port`; the scheme may be left out. Waits at most 5 seconds. For
    /// other waits and more connections see [`ClientOptions`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidAddress`](crate::ErrorKind::InvalidAddress),
    /// [`ErrorKind::Unreachable`](crate::ErrorKind::Unreachable).
    pub async fn connect(address: &str) -> Result<Self, Error> {
        ClientOptions::new().connect(address).await
    }

    /// As [`Client::connect`], but the first call makes the connection. Must be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidAddress`](crate::ErrorKind::InvalidAddress).
    pub fn connect_lazy(address: &str) -> Result<Self, Error> {
        ClientOptions::new().connect_lazy(address)
    }

    pub(crate) fn new(connections: Connections, endpoint: Endpoint, deadline: Duration) -> Self {
        Self { connections, endpoint, deadline }
    }

    /// The same connections with another deadline, for one call or for all that follow; see
    /// [`ClientOptions::deadline`].
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self { deadline, ..self.clone() }
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn grpc(&self) -> BrokerClient<Channel> {
        BrokerClient::new(self.connections.next())
    }

    /// Publishes one message and waits for its acknowledgement. For many, see [`Client::publisher`].
    ///
    /// # Errors
    /// Ask [`Error::retry`] before sending the message again. Dropping this future leaves the
    /// outcome unknown.
    pub async fn publish(
        &self,
        subject: impl Into<String>,
        body: impl Into<Bytes>,
        options: PublishOptions,
    ) -> Result<Published, Error> {
        let request = wire::request(subject.into(), body.into(), options);
        wire::check_size(&request)?;
        let (message, unsent) = Handover::of(request);
        let call = publish(self.connections.next(), message);
        match self.within(Effect::Publishes, call).await {
            Ok(response) => Ok(wire::published(&response)),
            Err(error) if unsent.take_back() => Err(error.before_sending()),
            Err(error) => Err(error),
        }
    }

    /// Publishes many messages in order, without waiting for the answer of one before the next is
    /// sent. Every acknowledgement means the same as that of [`Client::publish`]. Must be called
    /// within a tokio runtime, where it runs a task until all is answered.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        self.publisher_with(PublisherOptions::default())
    }

    /// As [`Client::publisher`], with options.
    #[must_use]
    pub fn publisher_with(&self, options: PublisherOptions) -> Publisher {
        publisher::start(self.clone(), options)
    }

    /// One publishing stream as it is on the wire, without a task: its answers come as a stream, in
    /// the order sent, and when it breaks it is over.
    #[must_use]
    pub fn publish_stream(&self) -> (PublishStream, Acknowledgements) {
        publish_stream::open(self.grpc())
    }

    /// Subscribes. The subscription stands when this returns: every message that is acknowledged
    /// later reaches it, whatever becomes of the connection. See [`Subscription`].
    ///
    /// # Errors
    /// [`ErrorKind::ResumeAhead`](crate::ErrorKind::ResumeAhead),
    /// [`ErrorKind::InvalidSubject`](crate::ErrorKind::InvalidSubject), or that the broker is not there.
    pub async fn subscribe(
        &self,
        subject: impl Into<String>,
        start: Start,
    ) -> Result<Subscription, Error> {
        self.subscribe_with(subject, start, SubscribeOptions::default()).await
    }

    /// As [`Client::subscribe`], with options.
    ///
    /// # Errors
    /// As [`Client::subscribe`].
    pub async fn subscribe_with(
        &self,
        subject: impl Into<String>,
        start: Start,
        options: SubscribeOptions,
    ) -> Result<Subscription, Error> {
        subscription::begin(Source::new(self.clone(), subject.into()), start, options).await
    }

    /// The message of that subject and id, until the moment it expires.
    ///
    /// # Errors
    /// [`ErrorKind::Expired`](crate::ErrorKind::Expired),
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), or that the broker is not there.
    pub async fn fetch(&self, subject: impl Into<String>, id: u64) -> Result<Delivery, Error> {
        let request = broker_proto::FetchRequest { subject: subject.into(), id };
        let mut grpc = self.grpc();
        let response = self.within(Effect::Reads, grpc.fetch(request)).await?;
        Ok(wire::delivery(response))
    }

    /// Whether the broker says that it serves.
    ///
    /// # Errors
    /// When it says nothing.
    pub async fn is_serving(&self) -> Result<bool, Error> {
        let mut health = HealthClient::new(self.connections.next());
        let request = HealthCheckRequest { service: String::new() };
        let response = self.within(Effect::Reads, health.check(request)).await?;
        Ok(response.status() == ServingStatus::Serving)
    }

    pub(crate) async fn within<T>(
        &self,
        effect: Effect,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.deadline, call).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(Error::from_status(&status, effect)),
            Err(_) => Err(Error::deadline_passed(effect, self.deadline)),
        }
    }
}

/// The unary call. Made by hand, because the generated one does not tell whether its message left.
async fn publish(
    channel: Channel,
    message: Handover<PublishRequest>,
) -> Result<Response<PublishResponse>, Status> {
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.map_err(|error| Status::from_error(Box::new(error)))?;
    let codec = ProstCodec::<PublishRequest, PublishResponse>::default();
    grpc.client_streaming(Request::new(message), PathAndQuery::from_static(PUBLISH), codec).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[tokio::test]
    async fn a_closed_port_is_unreachable_for_both_ways_to_connect() {
        // A port that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("http://127.0.0.1:{port}");
        let error = Client::connect(&address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(error.to_string().contains(&address), "{error}");

        let client = Client::connect_lazy(&address).unwrap();
        let error = client.publish("s", "b", PublishOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        assert!(error.is_retryable());
    }
}
