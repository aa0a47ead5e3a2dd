//! The connection and its calls.

use crate::{
    Delivery, Error, ErrorKind, PublishOptions, Published, Publisher, Retry, Start, Subscription,
    error::{Effect, innermost},
    publisher::{self, Acknowledgements},
    wire,
};
use broker_proto::broker_client::BrokerClient;
use bytes::Bytes;
use std::{future::Future, time::Duration};
use tonic::{
    Response, Status,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// How long publish, fetch and the health check wait for their answer, and a subscription for its
/// beginning. Longer than the ten seconds in which the broker itself says "outcome unknown".
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes one subscription is sent ahead of its reader.
const STREAM_WINDOW: u32 = 1024 * 1024;
/// Much larger than a stream's: small messages that stand unread in a few slow subscriptions would
/// otherwise be taken for an attack by the HTTP/2 layer and end the connection for all.
const CONNECTION_WINDOW: u32 = 64 * 1024 * 1024;

/// A connection to a broker. Cheap to clone; all clones share the connection.
///
/// A connection that breaks is made again by the next call.
#[derive(Debug, Clone)]
pub struct Client {
    channel: Channel,
    grpc: BrokerClient<Channel>,
    deadline: Duration,
}

impl Client {
    /// Connects to `http://host:port`; the scheme may be left out. Waits at most 5 seconds.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidAddress`], [`ErrorKind::Unreachable`].
    pub async fn connect(address: &str) -> Result<Self, Error> {
        let channel = endpoint(address)?.connect().await.map_err(|error| {
            let message = format!("no connection to {address}: {}", innermost(&error));
            Error::new(ErrorKind::Unreachable, Retry::Safe { after: None }, message)
        })?;
        Ok(Self::over(channel))
    }

    /// As [`Client::connect`], but the first call makes the connection. Must be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidAddress`].
    pub fn connect_lazy(address: &str) -> Result<Self, Error> {
        Ok(Self::over(endpoint(address)?.connect_lazy()))
    }

    fn over(channel: Channel) -> Self {
        let grpc = BrokerClient::new(channel.clone());
        Self { channel, grpc, deadline: DEFAULT_DEADLINE }
    }

    /// This connection with another deadline; see [`DEFAULT_DEADLINE`].
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
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
        let mut grpc = self.grpc.clone();
        let response = self.within(Effect::Publishes, grpc.publish(request)).await?;
        Ok(wire::published(&response))
    }

    /// Publishes many messages in order, without waiting for the answer of one before the next is
    /// sent. Every acknowledgement means the same as that of [`Client::publish`].
    #[must_use]
    pub fn publisher(&self) -> (Publisher, Acknowledgements) {
        publisher::open(self.grpc.clone())
    }

    /// Subscribes. The subscription stands when this returns: every message that is acknowledged
    /// later reaches it.
    ///
    /// # Errors
    /// [`ErrorKind::ResumeAhead`], [`ErrorKind::InvalidSubject`], or that the broker is not there.
    pub async fn subscribe(
        &self,
        subject: impl Into<String>,
        start: Start,
    ) -> Result<Subscription, Error> {
        let request = wire::subscribe(subject.into(), start);
        let mut grpc = self.grpc.clone();
        let messages = self.within(Effect::Reads, grpc.subscribe(request)).await?;
        Ok(Subscription::new(messages, start))
    }

    /// The message of that subject and id, until the moment it expires.
    ///
    /// # Errors
    /// [`ErrorKind::Expired`], [`ErrorKind::NotFound`], or that the broker is not there.
    pub async fn fetch(&self, subject: impl Into<String>, id: u64) -> Result<Delivery, Error> {
        let request = broker_proto::FetchRequest { subject: subject.into(), id };
        let mut grpc = self.grpc.clone();
        let response = self.within(Effect::Reads, grpc.fetch(request)).await?;
        Ok(wire::delivery(response))
    }

    /// Whether the broker says that it serves.
    ///
    /// # Errors
    /// When it says nothing.
    pub async fn is_serving(&self) -> Result<bool, Error> {
        let mut health = HealthClient::new(self.channel.clone());
        let request = HealthCheckRequest { service: String::new() };
        let response = self.within(Effect::Reads, health.check(request)).await?;
        Ok(response.status() == ServingStatus::Serving)
    }

    async fn within<T>(
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

fn endpoint(address: &str) -> Result<Endpoint, Error> {
    let invalid = |why: &str| {
        let message = format!("`{address}` is not the address of a broker: {why}");
        Error::new(ErrorKind::InvalidAddress, Retry::Useless, message)
    };
    let full = match address.split_once("://") {
        None => format!("http://{address}"),
        Some(("http", _)) => address.to_owned(),
        Some(("https", _)) => return Err(invalid("https is not supported yet")),
        Some(_) => return Err(invalid("it must begin with http://")),
    };
    let endpoint = Endpoint::from_shared(full)
        .map_err(|_| invalid("expected http://host:port"))?
        .connect_timeout(CONNECT_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    Ok(endpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_may_be_left_out() {
        let endpoint = endpoint("127.0.0.1:8080").unwrap();
        assert_eq!(endpoint.uri(), "http://127.0.0.1:8080/");
    }

    #[test]
    fn other_schemes_and_no_address_are_told_apart_from_an_unreachable_broker() {
        for address in ["https://127.0.0.1:8080", "ftp://there", "", "http://", "a b"] {
            let error = endpoint(address).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidAddress, "{address}");
        }
    }

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
