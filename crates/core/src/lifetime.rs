//! How long a message is worth keeping.

use crate::Timestamp;
use std::time::Duration;

/// The longest lifetime that ends: 100 years of 365.25 days.
pub const MAX_LIFETIME: Duration = Duration::from_secs(3_155_760_000);

/// How long a message is worth keeping, as its publisher said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Delivered to who listens now; never stored, no id.
    DeliverOnly,
    /// Stored until this long after it was published. Made by [`Lifetime::lasting`].
    For(Duration),
    /// Stored for good.
    Forever,
}

/// Why a span is no lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LifetimeError {
    /// Longer than [`MAX_LIFETIME`].
    #[error("lifetime is longer than 100 years ({} seconds)", MAX_LIFETIME.as_secs())]
    TooLong,
}

impl Lifetime {
    /// A lifetime of this length; zero means [`Lifetime::DeliverOnly`].
    ///
    /// # Errors
    /// When it is longer than [`MAX_LIFETIME`].
    pub fn lasting(span: Duration) -> Result<Self, LifetimeError> {
        if span.is_zero() {
            Ok(Self::DeliverOnly)
        } else if span > MAX_LIFETIME {
            Err(LifetimeError::TooLong)
        } else {
            Ok(Self::For(span))
        }
    }

    /// Whether such a message goes to the store.
    #[must_use]
    pub fn is_stored(self) -> bool {
        self != Self::DeliverOnly
    }

    /// When a message published at that moment expires; `None` for never or not stored.
    #[must_use]
    pub fn expires_at(self, published_at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::For(span) => Some(published_at.saturating_add(span)),
            Self::DeliverOnly | Self::Forever => None,
        }
    }
}
