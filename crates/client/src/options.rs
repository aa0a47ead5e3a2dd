//! How a client connects and how long it waits.

use crate::{Client, Error, ErrorKind, Retry, connections::Connections, transport::innermost};
use futures_util::future::try_join_all;
use std::{num::NonZeroUsize, time::Duration};
use tonic::transport::Endpoint;

/// How long publish, fetch and the health check wait for their answer, and a subscription for its
/// beginning. Longer than the ten seconds in which the broker itself says "outcome unknown".
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);

/// Bytes one subscription is sent ahead of its reader.
const STREAM_WINDOW: u32 = 1024 * 1024;
/// Much larger than a stream's: small messages that stand unread in a few slow subscriptions would
/// otherwise be taken for an attack by the HTTP/2 layer and end the connection for all.
const CONNECTION_WINDOW: u32 = 64 * 1024 * 1024;

/// Largest frame that is taken: the broker puts up to 64 KiB of messages into one, which the default of
/// 16 KiB would have it cut in pieces.
const FRAME_SIZE: u32 = 64 * 1024;

/// How a [`Client`] connects and how long it waits.
///
/// ```no_run
/// # async fn example() -> Result<(), broker_client::Error> {
/// use std::time::Duration;
/// let options = broker_client::ClientOptions::new().deadline(Duration::from_secs(5));
/// let client = options.connect("http://127.0.0.1:8080").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct ClientOptions {
    connections: NonZeroUsize,
    deadline: Duration,
    connect_timeout: Duration,
    ping_interval: Duration,
    ping_timeout: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connections: NonZeroUsize::MIN,
            deadline: DEFAULT_DEADLINE,
            connect_timeout: Duration::from_secs(5),
            ping_interval: Duration::from_secs(20),
            ping_timeout: Duration::from_secs(10),
        }
    }
}

impl ClientOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Connections to the broker, 1 by default. Calls and streams take them in turn. More than one
    /// helps where one connection is the bound: a network that loses packets, or more than 1,024
    /// calls and subscriptions at once.
    pub fn connections(mut self, connections: NonZeroUsize) -> Self {
        self.connections = connections;
        self
    }

    /// How long a call waits for its answer, connecting included; [`DEFAULT_DEADLINE`] by default.
    /// A subscription waits that long for its beginning, a publishing stream for its next answer.
    /// For single calls see [`Client::with_deadline`].
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long making a connection may take, 5 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// A connection with calls on it that was silent for `interval` is asked for a sign of life; if
    /// none comes within `timeout`, it is dead and its calls fail. 20 s and 10 s by default.
    pub fn keepalive(mut self, interval: Duration, timeout: Duration) -> Self {
        (self.ping_interval, self.ping_timeout) = (interval, timeout);
        self
    }

    /// Connects to `http://host:port`; the scheme may be left out.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidAddress`], [`ErrorKind::Unreachable`].
    pub async fn connect(&self, address: &str) -> Result<Client, Error> {
        let endpoint = self.endpoint(address)?;
        let channels = (0..self.connections.get()).map(|_| endpoint.connect());
        let channels = try_join_all(channels).await.map_err(|error| {
            let message = format!("no connection to {address}: {}", innermost(&error));
            Error::new(ErrorKind::Unreachable, Retry::Safe { after: None }, message)
        })?;
        Ok(Client::new(Connections::new(channels), endpoint, self.deadline))
    }

    /// As [`ClientOptions::connect`], but calls make the connections. Must be called within a tokio
    /// runtime.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidAddress`].
    pub fn connect_lazy(&self, address: &str) -> Result<Client, Error> {
        let endpoint = self.endpoint(address)?;
        let channels = (0..self.connections.get()).map(|_| endpoint.connect_lazy()).collect();
        Ok(Client::new(Connections::new(channels), endpoint, self.deadline))
    }

    fn endpoint(&self, address: &str) -> Result<Endpoint, Error> {
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
            .connect_timeout(self.connect_timeout)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME_SIZE)
            .http2_keep_alive_interval(self.ping_interval)
            .keep_alive_timeout(self.ping_timeout);
        Ok(endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_may_be_left_out() {
        let endpoint = ClientOptions::new().endpoint("127.0.0.1:8080").unwrap();
        assert_eq!(endpoint.uri(), "http://127.0.0.1:8080/");
    }

    #[test]
    fn other_schemes_and_no_address_are_told_apart_from_an_unreachable_broker() {
        for address in ["https://127.0.0.1:8080", "ftp://there", "", "http://", "a b"] {
            let error = ClientOptions::new().endpoint(address).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidAddress, "{address}");
        }
    }
}
