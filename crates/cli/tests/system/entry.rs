//! What a publisher remembers of a message it sent.

use crate::body::{self, Key};
use broker_proto::PublishRequest;
use prost_types::Duration as WireDuration;
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

/// How long a message is worth keeping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Not at all.
    DeliveredOnly,
    /// For a while.
    For(Duration),
    /// For good.
    Kept,
}

/// What the broker said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It has this id; the answer came at this time.
    Acked { id: u64, at: SystemTime },
    /// It is surely not stored.
    Refused,
    /// Nothing, or that it does not know.
    Unknown,
}

/// A message that was sent.
#[derive(Debug, Clone)]
pub struct Entry {
    pub key: Key,
    pub subject: Arc<str>,
    pub lifetime: Lifetime,
    pub sent: SystemTime,
    pub outcome: Outcome,
}

impl Entry {
    /// A message about to be sent.
    pub fn new(key: Key, subject: &Arc<str>, lifetime: Lifetime) -> Self {
        let (subject, sent) = (subject.clone(), SystemTime::now());
        Self { key, subject, lifetime, sent, outcome: Outcome::Unknown }
    }

    /// The request that publishes it.
    pub fn request(&self, size: usize) -> PublishRequest {
        let mut request = PublishRequest {
            subject: self.subject.to_string(),
            body: body::encode(self.key, size),
            ..PublishRequest::default()
        };
        match self.lifetime {
            Lifetime::DeliveredOnly => {}
            Lifetime::Kept => request.keep = true,
            // Both ways to say whole seconds.
            Lifetime::For(time)
                if time.subsec_nanos() == 0 && self.key.number.is_multiple_of(2) =>
            {
                request.expiration_seconds = time.as_secs() as i32;
            }
            Lifetime::For(time) => {
                let (seconds, nanos) = (time.as_secs() as i64, time.subsec_nanos() as i32);
                request.expiration = Some(WireDuration { seconds, nanos });
            }
        }
        request
    }

    /// Its id, if it was acknowledged as stored.
    pub fn stored_id(&self) -> Option<u64> {
        match self.outcome {
            Outcome::Acked { id, .. } if id > 0 => Some(id),
            _ => None,
        }
    }

    /// Before this it can't have expired; `None`: it never does.
    pub fn earliest_expiry(&self) -> Option<SystemTime> {
        match self.lifetime {
            Lifetime::For(time) => Some(self.sent + time),
            Lifetime::Kept => None,
            Lifetime::DeliveredOnly => Some(self.sent),
        }
    }

    /// From this on it must have expired; `None`: never, or nobody knows.
    pub fn latest_expiry(&self) -> Option<SystemTime> {
        match (self.lifetime, self.outcome) {
            (Lifetime::For(time), Outcome::Acked { at, .. }) => Some(at + time),
            _ => None,
        }
    }
}
