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
//! // Everything that is kept, in order, then what is new.
//! let mut orders = client.subscribe("orders", Start::Retained).await?;
//! while let Some(order) = orders.next().await {
//!     let order = order?;
//!     println!("{}: {:?}", order.id, order.body);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Many messages go fastest through a [`Publisher`], which sends without waiting for each answer.
//!
//! # Errors
//!
//! Every failure is an [`Error`]. Its [`kind`](Error::kind) says what happened and its
//! [`retry`](Error::retry) whether the same call may be made again. A message whose outcome is
//! unknown is never sent again by this crate: it may be stored already, and only the caller can say
//! whether twice is better than not at all.

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
