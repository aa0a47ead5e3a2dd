//! What a broker is: subjects, ids, lifetimes, order, subscriptions, and the contract every store keeps.
//!
//! This crate knows no gRPC, SQL, file, socket or exporter, and takes time, chance and settings as
//! arguments. Start with [`Broker`]; [`Storage`] is the specification of a store.

mod batch;
mod broker;

mod clock;
mod error;
mod fence;
mod following;
mod headers;
mod id;
#[cfg(all(test, feature = "shuttle"))]
mod interleavings;
mod lane;
mod lifetime;
mod limits;
mod listing;
mod message;
mod observer;
mod repeats;
mod shard;
mod shared;
mod storage;
mod subject;
mod subscription;
mod sync;
mod tail;
#[cfg(test)]
mod testing;
mod time;
pub mod trace;
mod usage;

pub use batch::{Batch, Receipt};
pub use broker::{Broker, Start};
pub use clock::{Clock, ManualTime, SystemTime, TimeSource};
pub use error::{
    CountError, FetchError, ListingError, OpenError, PublishError, PurgeError, ReadFailure,
    SubscribeError, SubscriptionEnd,
};
pub use following::Lag;
pub use headers::{HeaderError, Headers, MAX_HEADERS};
pub use id::MessageId;
pub use lifetime::{Lifetime, LifetimeError, MAX_LIFETIME};
pub use limits::Limits;
pub use listing::{Count, ListedSubject, Listing, ListingQuery, Place};
pub use message::{Durability, Message, Publication, Published};
pub use observer::{NoObserver, Observer};
pub use repeats::Repeats;
pub use storage::{
    AppendError, Appended, IdRange, Page, ReadError, Reclaimed, Storage, StorageFuture, Stored,
    SubjectSummary, Tally, Writable,
};
pub use subject::{MAX_SUBJECT_BYTES, Subject, SubjectError};
pub use subscription::{Delivery, Subscription};
pub use time::Timestamp;
pub use usage::Usage;
