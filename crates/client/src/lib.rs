//! An async client of the broker: publish, subscribe, fetch.
//!
//! ```no_run
//! use broker_client::{Client, PublishOptions, Start};
//! use futures_util::StreamExt;
//! use std::time::Duration;
//!
//! # async fn example() -> Result<(), broker_client::Error> {
//! let client = Client::connect("http://127.0.0.1:8080").await?;
//!
//! // Kept for an hour; `PublishOptions::default()` delivers only, `PublishOptions::keep()` keeps for good.
//! let options = PublishOptions::keep_for(Duration::from_secs(3600));
//! let published = client.publish("orders", "one tea", options).await?;
//!
//! let again = client.fetch("orders", published.id).await?;
//! assert_eq!(again.body, "one tea");
//!
//! // Everything that is kept, in order, then what is new, also over a restart of the broker.
//! let mut orders = client.subscribe("orders", Start::Retained).await?;
//! while let Some(order) = orders.next().await {
//!     let order = order?;
//!     println!("{}: {:?}", order.id, order.body);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Publishing
//!
//! [`Client::publish`] sends one message and waits. Many go fastest through a [`Publisher`]: it takes a
//! message as soon as there is room, and gives a future for its acknowledgement.
//!
//! ```no_run
//! # use broker_client::{Client, PublishOptions};
//! # async fn example(client: Client) -> Result<(), broker_client::Error> {
//! let publisher = client.publisher();
//! let first = publisher.send("orders", "one tea", PublishOptions::keep()).await;
//! let second = publisher.send("orders", "one coffee", PublishOptions::keep()).await;
//! println!("stored as {} and {}", first.await?.id, second.await?.id);
//! # Ok(())
//! # }
//! ```
//!
//! # Subscribing
//!
//! A [`Subscription`] is a stream of messages that goes on over broken connections and restarts of the
//! broker: every stored message comes, once and in order. Remember the id of the last message you are
//! done with, and a program that starts anew goes on with [`Start::After`].
//! [`Subscription::next_event`] tells when the connection is lost and back, [`SubscribeOptions`] how long
//! to try.
//!
//! # What to send again
//!
//! Every failure is an [`Error`]. Its [`kind`](Error::kind) says what happened and its
//! [`retry`](Error::retry) what may be done about it:
//!
//! - [`Retry::Safe`]: nothing of it took effect. The broker refused it for now, there was no connection,
//!   or the message never left this process. [`PublisherOptions::retry`] sends such messages again.
//! - [`Retry::Useless`]: the same call will fail the same way. The message is too large, has expired, ...
//! - [`Retry::OutcomeUnknown`]: the connection was cut or the deadline passed after the message left, or
//!   the store did not answer in time. This crate never sends such a message again: it may be stored
//!   already, and only you can say whether twice is better than not at all.
//!
//! # Waiting and dropping
//!
//! No call waits for ever: see [`ClientOptions::deadline`]. A connection that died in silence is found by
//! [`ClientOptions::keepalive`]. Dropping a future or a stream ends it here and at the broker. Only a
//! [`Publisher`] has a task of its own, which ends when the publisher is dropped and all is answered.

mod backoff;
mod client;
mod connections;
mod details;
mod error;
mod handover;
mod message;
mod options;
mod pipeline;
mod place;
mod publish_stream;
mod publisher;
mod source;
mod subscription;
mod transport;
mod wire;

pub use backoff::Backoff;
pub use client::Client;
pub use error::{Error, ErrorKind, Retry};
pub use message::{Delivery, Durability, Lifetime, PublishOptions, Published, Start};
pub use options::{ClientOptions, DEFAULT_DEADLINE};
pub use publish_stream::{Acknowledgements, MAX_BYTES_IN_FLIGHT, PublishStream};
pub use publisher::{Publisher, PublisherOptions, Receipt};
pub use subscription::{Event, SubscribeOptions, Subscription};

/// The largest message: 4 MiB less 1 KiB, in bytes of its encoded publish request.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024 - 1024;
