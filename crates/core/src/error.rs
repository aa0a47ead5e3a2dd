//! What can go wrong, one enum per operation.

use crate::{MessageId, ReadError};

/// Why a broker did not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store's state could not be read")]
pub struct OpenError(#[from] pub ReadError);

/// Why a publication was not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The broker is leaving. Surely not stored.
    #[error("broker is closing")]
    Closing,
    /// Another broker owns the store. Surely not stored.
    #[error("another broker owns the store")]
    Standby,
    /// The store cannot be reached or takes no writes. Surely not stored.
    #[error("store is unavailable")]
    StorageUnavailable,
    /// A bound was reached: its name. Surely not stored.
    #[error("overloaded: {0}")]
    Overloaded(&'static str),
    /// Stored or not, nobody knows yet. Sending it again may store it twice.
    #[error("the store did not say in time whether the message is kept")]
    OutcomeUnknown,
    /// The store refused this message. Surely not stored.
    #[error("the store refused the message")]
    Refused,
}

/// Why a read found no message because of the store, not of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadFailure {
    /// The store cannot be reached.
    #[error("store is unavailable")]
    StorageUnavailable,
    /// The message is there, but its bytes are not what was written.
    #[error("message {0} is damaged")]
    Damaged(MessageId),
    /// The store failed; the observer was told how.
    #[error("the store failed")]
    Internal,
    /// Another broker owns the store.
    #[error("another broker owns the store")]
    Standby,
}

/// Why a fetch gave no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No message was ever published under that id.
    #[error("message was never published")]
    NotFound,
    /// It expired or was purged.
    #[error("message has expired")]
    Expired,
    /// The broker is leaving.
    #[error("broker is closing")]
    Closing,
    /// Another broker owns the store.
    #[error("another broker owns the store")]
    Standby,
    /// The store did not give it.
    #[error(transparent)]
    Read(#[from] ReadFailure),
}

/// Why a subscription does not stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// The broker is leaving.
    #[error("broker is closing")]
    Closing,
    /// Another broker owns the store.
    #[error("another broker owns the store")]
    Standby,
    /// A bound was reached: its name.
    #[error("overloaded: {0}")]
    Overloaded(&'static str),
    /// The id to resume after is above the subject's last id.
    #[error("cannot resume after {after}: the subject's last id is {last}")]
    ResumeAhead {
        /// The id asked for.
        after: MessageId,
        /// The subject's last id.
        last: MessageId,
    },
    /// The store could not say where the subject stands.
    #[error(transparent)]
    Read(#[from] ReadFailure),
}

/// Why a standing subscription ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionEnd {
    /// The broker is leaving.
    #[error("broker is closing")]
    Closing,
    /// Another broker owns the store.
    #[error("another broker owns the store")]
    Standby,
    /// No room to read pages for it came free in time.
    #[error("overloaded: {0}")]
    Overloaded(&'static str),
    /// The store did not give the next messages.
    #[error(transparent)]
    Read(#[from] ReadFailure),
}

/// Why subjects were not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// The broker is leaving.
    #[error("broker is closing")]
    Closing,
    /// Another broker owns the store.
    #[error("another broker owns the store")]
    Standby,
    /// The store did not say what it has.
    #[error(transparent)]
    Read(#[from] ReadFailure),
}

/// Why a subject's messages were not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CountError {
    /// The broker is leaving.
    #[error("broker is closing")]
    Closing,
    /// Another broker owns the store.
    #[error("another broker owns the store")]
    Standby,
    /// The subject never had a stored message.
    #[error("the subject never had a stored message")]
    NeverUsed,
    /// The subject never had the id to count up to.
    #[error("cannot count up to {up_to}: the subject's last id is {last}")]
    Ahead {
        /// The id asked for.
        up_to: MessageId,
        /// The subject's last id.
        last: MessageId,
    },
    /// The store did not say what it has.
    #[error(transparent)]
    Read(#[from] ReadFailure),
}

/// Why a purge did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PurgeError {
    /// The broker is leaving.
    #[error("broker is closing")]
    Closing,
    /// Another broker owns the store.
    #[error("another broker owns the store")]
    Standby,
    /// A bound was reached: its name.
    #[error("overloaded: {0}")]
    Overloaded(&'static str),
    /// The subject never had a stored message.
    #[error("the subject never had a stored message")]
    NeverUsed,
    /// The subject never had the id to purge up to.
    #[error("cannot purge up to {up_to}: the subject's last id is {last}")]
    Ahead {
        /// The id asked for.
        up_to: MessageId,
        /// The subject's last id.
        last: MessageId,
    },
    /// Whether they are removed is not known; purging again does no harm.
    #[error("the store did not say in time whether the messages are removed")]
    OutcomeUnknown,
    /// Nothing was removed: the store cannot be reached or takes no writes.
    #[error("the store takes no writes")]
    StorageUnavailable,
    /// The store could not say where the subject stands.
    #[error(transparent)]
    Read(#[from] ReadFailure),
}

impl From<ReadError> for ReadFailure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(_) => Self::StorageUnavailable,
            ReadError::Damaged(id) => Self::Damaged(id),
            ReadError::Failed(_) => Self::Internal,
            ReadError::Fenced => Self::Standby,
        }
    }
}
