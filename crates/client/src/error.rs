//! What can go wrong, and whether the call may be made again.

use crate::{
    details::Details,
    transport::{self, Cause},
};
use std::time::Duration;
use tonic::{Code, Status};

/// Whether the same call may be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Nothing of it took effect: send it again, after that pause where the broker named one.
    ///
    /// So it is when the broker says so; when there was no connection; when a publish failed before its
    /// message was handed to the connection; when the peer says that it did not process the call
    /// (HTTP/2's REFUSED_STREAM, or a GOAWAY that leaves it out); and when the call only reads.
    Safe {
        /// The pause the broker asks for.
        after: Option<Duration>,
    },
    /// The same call will fail the same way.
    Useless,
    /// The message may be stored or not; sent again it may be stored twice.
    ///
    /// So it is when the broker says so, and when the connection was cut or the deadline passed after
    /// the message was handed to the connection, however little of it may have arrived.
    OutcomeUnknown,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The address is no `http://host:port`.
    InvalidAddress,
    /// No connection could be made.
    Unreachable,
    /// The connection broke, or something between here and the broker answered in its place.
    Interrupted,
    /// The client's own deadline passed before the broker's answer.
    DeadlinePassed,
    /// The broker is closing or closed.
    Closing,
    /// The broker stands by; another one owns the store.
    Standby,
    /// The broker cannot reach its store, or the store no longer takes writes.
    StorageUnavailable,
    /// A bound of the broker is reached.
    Overloaded,
    /// The store did not say in time whether the message is kept.
    OutcomeUnknown,
    /// The message has expired or was purged.
    Expired,
    /// No message of that id was ever published.
    NotFound,
    /// The subject is not 1 to 255 bytes of UTF-8 without control characters.
    InvalidSubject,
    /// The lifetime is negative, beyond 100 years, or given twice.
    InvalidExpiration,
    /// A header's key is empty or has control characters, or there are too many headers.
    InvalidHeader,
    /// The message is larger than [`crate::MAX_MESSAGE_BYTES`].
    MessageTooLarge,
    /// A subscription was to begin above the last id of its subject: this is another store.
    ResumeAhead,
    /// The bytes of a stored message are damaged. A subscription that begins after its id goes on.
    Damaged {
        /// The damaged message, where the broker names it.
        id: Option<u64>,
    },
    /// The broker refused the call for another reason; the text says which.
    Refused,
    /// The broker failed; its log says more.
    Internal,
}

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    retry: Retry,
    message: String,
}

/// What the failed call would have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing: it can be repeated at will.
    Reads,
    /// Stored or delivered a message.
    Publishes,
    /// The same, on a stream that the broker had begun to answer. Only the broker's own word says
    /// that something on the way is not stored: who stands in between cannot know.
    Streams,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, retry: Retry, message: impl Into<String>) -> Self {
        Self { kind, retry, message: message.into() }
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the same call may be made again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.retry
    }

    /// Whether the same call may be made again, surely without storing a message twice.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self.retry, Retry::Safe { .. })
    }

    /// Whether nobody knows yet if the message is stored.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        self.retry == Retry::OutcomeUnknown
    }

    /// The same failure as it is for a message that never left this process.
    #[must_use]
    pub fn before_sending(&self) -> Self {
        let retry = match self.retry {
            Retry::OutcomeUnknown => Retry::Safe { after: None },
            retry => retry,
        };
        Self { retry, ..self.clone() }
    }

    pub(crate) fn interrupted(effect: Effect, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Interrupted, unless_publishing(effect), message)
    }

    pub(crate) fn deadline_passed(effect: Effect, deadline: Duration) -> Self {
        let message = format!("no answer from the broker within {deadline:?}");
        Self::new(ErrorKind::DeadlinePassed, unless_publishing(effect), message)
    }

    pub(crate) fn too_large() -> Self {
        let limit = crate::MAX_MESSAGE_BYTES;
        let message = format!("the message is larger than the limit of {limit} bytes");
        Self::new(ErrorKind::MessageTooLarge, Retry::Useless, message)
    }

    /// The failure of a whole call.
    pub(crate) fn from_status(status: &Status, effect: Effect) -> Self {
        let unsent = Retry::Safe { after: None };
        match (transport::cause(status), effect) {
            (Cause::Unreachable(cause), _) => {
                Self::new(ErrorKind::Unreachable, unsent, format!("no connection: {cause}"))
            }
            (Cause::NotProcessed(cause), Effect::Reads | Effect::Publishes) => {
                let message = format!("the call was turned away unprocessed: {cause}");
                Self::new(ErrorKind::Interrupted, unsent, message)
            }
            (Cause::Calm(cause), Effect::Reads | Effect::Publishes) => {
                Self::new(ErrorKind::Overloaded, unsent, cause)
            }
            (Cause::NotProcessed(_) | Cause::Calm(_), Effect::Streams) | (Cause::Other, _) => {
                let details = Details::of_status(status);
                let text = transport::text(status);
                Self::from_details(status.code(), &text, details, effect)
            }
        }
    }

    /// The failure of one message of a stream.
    pub(crate) fn from_result(status: &tonic_types::Status) -> Self {
        let details = Details::of_result(status);
        Self::from_details(Code::from(status.code), &status.message, details, Effect::Publishes)
    }

    fn from_details(code: Code, text: &str, details: Details, effect: Effect) -> Self {
        let after = details.retry_after;
        match details.kind() {
            Some(kind) => Self::new(kind, retry_of(kind, after, effect), text),
            None => Self::without_reason(code, text, effect),
        }
    }

    /// A status that the broker itself did not make: the transport's, a proxy's, another server's.
    fn without_reason(code: Code, text: &str, effect: Effect) -> Self {
        let is_refusal = match code {
            Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::Unimplemented
            | Code::Unauthenticated => effect != Effect::Streams,
            // An answer that is too large to be read is one too.
            Code::OutOfRange => effect == Effect::Reads,
            Code::Ok
            | Code::Cancelled
            | Code::Unknown
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss => false,
        };
        if is_refusal {
            let message = format!("the call was refused: {text} ({code:?})");
            Self::new(ErrorKind::Refused, Retry::Useless, message)
        } else {
            Self::interrupted(effect, format!("the call was cut off: {text} ({code:?})"))
        }
    }
}

fn unless_publishing(effect: Effect) -> Retry {
    match effect {
        Effect::Publishes | Effect::Streams => Retry::OutcomeUnknown,
        Effect::Reads => Retry::Safe { after: None },
    }
}

/// Whether to retry what the broker itself refused with that reason.
fn retry_of(kind: ErrorKind, after: Option<Duration>, effect: Effect) -> Retry {
    match kind {
        ErrorKind::Closing
        | ErrorKind::Standby
        | ErrorKind::StorageUnavailable
        | ErrorKind::Overloaded
        | ErrorKind::Unreachable => Retry::Safe { after },
        ErrorKind::OutcomeUnknown | ErrorKind::Interrupted | ErrorKind::DeadlinePassed => {
            unless_publishing(effect)
        }
        ErrorKind::Internal if effect != Effect::Reads => Retry::OutcomeUnknown,
        ErrorKind::Internal
        | ErrorKind::InvalidAddress
        | ErrorKind::Expired
        | ErrorKind::NotFound
        | ErrorKind::InvalidSubject
        | ErrorKind::InvalidExpiration
        | ErrorKind::InvalidHeader
        | ErrorKind::MessageTooLarge
        | ErrorKind::ResumeAhead
        | ErrorKind::Damaged { .. }
        | ErrorKind::Refused => Retry::Useless,
    }
}

#[cfg(test)]
mod tests;
