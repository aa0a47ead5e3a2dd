//! How the bench talks to a broker: as its users do, or with the bare stubs of the wire.

mod bare;
mod library;

use anyhow::{Context, Result};
use broker_client::{Client, Delivery, Start};
use bytes::Bytes;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::{num::NonZeroUsize, sync::Arc, time::Duration};

/// Whose code is between the bench and the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientKind {
    /// The library broker-client: what a user has
    Library,
    /// The generated stubs alone: what gRPC itself allows
    Bare,
}

/// A client with a number of connections.
#[derive(Debug, Clone)]
pub enum Caller {
    Library(Arc<Client>),
    Bare(bare::Stubs),
}

/// A message to publish.
#[derive(Debug, Clone)]
pub struct Message {
    pub subject: String,
    pub body: Bytes,
    /// Zero: delivered only.
    pub lifetime: Duration,
}

/// A call that failed, or one message of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// For counting.
    pub status: String,
    /// Whether it may have taken effect all the same.
    pub is_outcome_unknown: bool,
    pub text: String,
}

/// What a subscription gives.
#[derive(Debug)]
pub enum Received {
    Message(Delivery),
    /// One that the library kept to itself, because it came again or out of order.
    Again,
}

/// A subscription.
pub enum Feed {
    Library(Box<broker_client::Subscription>),
    Bare(Box<bare::Messages>),
}

/// The sending half of a publishing stream.
pub enum Sender {
    Library(broker_client::PublishStream),
    Bare(bare::Batches),
}

/// Its answering half: one answer for every message sent, in the order sent.
pub enum Answers {
    Library(Box<broker_client::Acknowledgements>),
    Bare(Box<bare::Acks>),
}

/// The status of a fetch of what has expired.
pub const EXPIRED: &str = "MESSAGE_EXPIRED";

/// An id, or why there is none.
pub type Told = std::result::Result<u64, Failure>;

impl Caller {
    /// Connects; the calls are spread over the connections in turn.
    pub async fn connect(server: &str, kind: ClientKind, connections: usize) -> Result<Self> {
        let connections = NonZeroUsize::new(connections).context("no connection was asked for")?;
        Ok(match kind {
            ClientKind::Library => {
                let options = broker_client::ClientOptions::new().connections(connections);
                Self::Library(Arc::new(options.connect(server).await?))
            }
            ClientKind::Bare => Self::Bare(bare::Stubs::connect(server, connections).await?),
        })
    }

    pub async fn publish(&self, message: Message) -> Told {
        match self {
            Self::Library(client) => library::publish(client, message).await,
            Self::Bare(stubs) => stubs.publish(message).await,
        }
    }

    pub async fn fetch(&self, subject: &str, id: u64) -> std::result::Result<Delivery, Failure> {
        match self {
            Self::Library(client) => client.fetch(subject, id).await.map_err(Failure::from),
            Self::Bare(stubs) => stubs.fetch(subject, id).await,
        }
    }

    /// Subscribes once: a connection that breaks ends it.
    pub async fn subscribe(
        &self,
        subject: &str,
        start: Start,
    ) -> std::result::Result<Feed, Failure> {
        Ok(match self {
            Self::Library(client) => {
                Feed::Library(library::subscribe(client, subject, start).await?)
            }
            Self::Bare(stubs) => Feed::Bare(Box::new(stubs.subscribe(subject, start).await?)),
        })
    }

    pub async fn publish_stream(&self) -> std::result::Result<(Sender, Answers), Failure> {
        Ok(match self {
            Self::Library(client) => {
                let (stream, answers) = client.publish_stream();
                (Sender::Library(stream), Answers::Library(Box::new(answers)))
            }
            Self::Bare(stubs) => {
                let (batches, acks) = stubs.publish_stream().await?;
                (Sender::Bare(batches), Answers::Bare(Box::new(acks)))
            }
        })
    }
}

impl Feed {
    /// The next message. Dropping this future loses nothing.
    pub async fn next(&mut self) -> std::result::Result<Received, Failure> {
        match self {
            Self::Library(subscription) => library::next(subscription).await,
            Self::Bare(messages) => messages.next().await,
        }
    }
}

impl Sender {
    /// Hands one message over, or says why the stream is over.
    pub async fn send(&mut self, message: Message) -> std::result::Result<(), Failure> {
        match self {
            Self::Library(stream) => library::send(stream, message).await,
            Self::Bare(batches) => batches.send(message).await,
        }
    }

    /// Sends what was handed over: before waiting for anything.
    pub async fn flush(&mut self) -> std::result::Result<(), Failure> {
        match self {
            // It sends by itself.
            Self::Library(_) => Ok(()),
            Self::Bare(batches) => batches.flush().await,
        }
    }
}

impl Answers {
    /// Waits for the next answers and adds them; whether there may be more.
    pub async fn take(&mut self, told: &mut Vec<Told>) -> bool {
        match self {
            Self::Library(answers) => library::take(answers, told).await,
            Self::Bare(acks) => acks.take(told).await,
        }
    }
}

/// `OutcomeUnknown` as `OUTCOME_UNKNOWN`, as the wire writes its reasons.
fn in_capitals(name: &str) -> String {
    let mut text = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(character.to_ascii_uppercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_written_as_on_the_wire() {
        assert_eq!(in_capitals("OutcomeUnknown"), "OUTCOME_UNKNOWN");
        assert_eq!(in_capitals("Overloaded"), "OVERLOADED");
    }
}
