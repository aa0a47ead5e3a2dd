//! What is published and what is received.

use bytes::Bytes;
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

/// How long a message is worth keeping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lifetime {
    /// Delivered to those who are subscribed, never stored; its id is 0.
    #[default]
    DeliverOnly,
    /// Stored for that long: 1 ns to 100 years. Zero is the same as [`Lifetime::DeliverOnly`].
    For(Duration),
    /// Stored for good.
    Forever,
}

/// What accompanies a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PublishOptions {
    /// How long the message is kept.
    pub lifetime: Lifetime,
    /// At most 1,024; a key is not empty and has no control characters.
    pub headers: BTreeMap<String, String>,
}

impl PublishOptions {
    /// Stored for that long.
    #[must_use]
    pub fn keep_for(lifetime: Duration) -> Self {
        Self { lifetime: Lifetime::For(lifetime), ..Self::default() }
    }

    /// Stored for good.
    #[must_use]
    pub fn keep() -> Self {
        Self { lifetime: Lifetime::Forever, ..Self::default() }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(key.into(), value.into());
        self
    }
}

/// The broker's acknowledgement of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The message's id within its subject; 0 when it was delivered only.
    pub id: u64,
    /// What the acknowledgement means.
    pub durability: Durability,
}

/// What an acknowledged message survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// Nothing: it was handed to the subscribers of the moment.
    Delivered,
    /// It lives as long as the broker's process.
    Memory,
    /// A crash of the broker's machine.
    Disk,
    /// What the database behind the broker survives.
    Database,
}

/// Where a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// With everything that is stored, then what is new.
    #[default]
    Retained,
    /// With what is new: what is stored from some moment of the call of
    /// [`Client::subscribe`](crate::Client::subscribe) on.
    ///
    /// To be able to go on from there before anything came, the client looks for the subject's last id
    /// first; the wire has no call for that, so it takes a few rounds of calls (4 for a subject of a
    /// thousand messages, 6 for one of a million) and a connection for that time.
    New,
    /// With everything stored above this id, then what is new. 0 is the same as [`Start::Retained`].
    After(u64),
}

/// A message as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id within its subject; 0 when it was delivered only.
    pub id: u64,
    /// Its subject.
    pub subject: String,
    /// Its bytes.
    pub body: Bytes,
    /// When the broker accepted it.
    pub published_at: Option<SystemTime>,
    /// From when on nobody is shown it; `None` when it is kept for good or was not stored.
    pub expires_at: Option<SystemTime>,
    /// What its publisher sent along.
    pub headers: BTreeMap<String, String>,
    /// Delivered-only messages that this subscription lost just before this one, while it stood: those
    /// published while the connection was down are not among them.
    pub missed: u64,
}
