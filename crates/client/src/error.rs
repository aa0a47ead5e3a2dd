//! What can go wrong, and whether the call may be made again.

use crate::details::Details;
use std::{error::Error as _, time::Duration};
use tonic::{Code, Status};

/// Whether the same call may be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Nothing of it took effect: send it again, after that pause where the broker named one.
    Safe {
        /// The pause the broker asks for.
        after: Option<Duration>,
    },
    /// The same call will fail the same way.
    Useless,
    /// The message may be stored or not; sent again it may be stored twice.
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
    /// Stored or delivered a message.
    Publishes,
    /// Nothing: it can be repeated at will.
    Reads,
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
        if let Some(cause) = failed_connect(status) {
            let message = format!("no connection: {cause}");
            return Self::new(ErrorKind::Unreachable, Retry::Safe { after: None }, message);
        }
        let details = Details::of_status(status);
        Self::from_details(status.code(), status.message(), details, effect)
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
        match code {
            Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Unauthenticated => {
                let message = format!("the call was refused: {text} ({code:?})");
                Self::new(ErrorKind::Refused, Retry::Useless, message)
            }
            Code::Ok
            | Code::Cancelled
            | Code::Unknown
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss => {
                Self::interrupted(effect, format!("the call was cut off: {text} ({code:?})"))
            }
        }
    }
}

fn unless_publishing(effect: Effect) -> Retry {
    match effect {
        Effect::Publishes => Retry::OutcomeUnknown,
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
        ErrorKind::Internal if effect == Effect::Publishes => Retry::OutcomeUnknown,
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

/// The innermost cause, if the call failed before there was a connection to send it on.
fn failed_connect(status: &Status) -> Option<String> {
    let mut source = status.source();
    while let Some(error) = source {
        if error.is::<tonic::ConnectError>() {
            return Some(innermost(error));
        }
        source = error.source();
    }
    None
}

pub(crate) fn innermost(mut error: &(dyn std::error::Error + 'static)) -> String {
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use tonic_types::{ErrorDetails, StatusExt};

    fn refused(code: Code, reason: &str, after: Option<Duration>) -> Status {
        let mut details = ErrorDetails::new();
        details.set_error_info(reason, "broker", HashMap::<String, String>::new());
        if after.is_some() {
            details.set_retry_info(after);
        }
        Status::with_error_details(code, "text", details)
    }

    #[test]
    fn what_was_surely_not_stored_is_retryable_after_the_named_pause() {
        let after = Some(Duration::from_millis(250));
        for (code, reason, kind) in [
            (Code::Unavailable, "BROKER_CLOSING", ErrorKind::Closing),
            (Code::Unavailable, "STANDBY", ErrorKind::Standby),
            (Code::Unavailable, "STORAGE_UNAVAILABLE", ErrorKind::StorageUnavailable),
            (Code::ResourceExhausted, "OVERLOADED", ErrorKind::Overloaded),
        ] {
            let error = Error::from_status(&refused(code, reason, after), Effect::Publishes);
            assert_eq!((error.kind(), error.retry()), (kind, Retry::Safe { after }));
        }
    }

    #[test]
    fn an_unknown_outcome_is_said_so() {
        let status = refused(Code::DeadlineExceeded, "OUTCOME_UNKNOWN", None);
        let error = Error::from_status(&status, Effect::Publishes);
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
        assert!(error.is_outcome_unknown());
    }

    #[test]
    fn a_cut_connection_leaves_a_publish_unknown_and_a_read_retryable() {
        for code in [Code::Unavailable, Code::Unknown, Code::Cancelled, Code::Internal] {
            let status = Status::new(code, "broken pipe");
            assert!(Error::from_status(&status, Effect::Publishes).is_outcome_unknown());
            assert!(Error::from_status(&status, Effect::Reads).is_retryable());
        }
    }

    #[test]
    fn a_message_that_never_left_is_retryable_whatever_cut_its_stream() {
        let status = Status::new(Code::Unavailable, "broken pipe");
        assert!(Error::from_status(&status, Effect::Publishes).before_sending().is_retryable());
        let status = refused(Code::InvalidArgument, "INVALID_SUBJECT", None);
        let error = Error::from_status(&status, Effect::Publishes).before_sending();
        assert_eq!(error.retry(), Retry::Useless);
    }

    #[test]
    fn refusals_are_final() {
        for (reason, kind) in [
            ("MESSAGE_EXPIRED", ErrorKind::Expired),
            ("MESSAGE_NOT_FOUND", ErrorKind::NotFound),
            ("INVALID_SUBJECT", ErrorKind::InvalidSubject),
            ("INVALID_EXPIRATION", ErrorKind::InvalidExpiration),
            ("INVALID_HEADER", ErrorKind::InvalidHeader),
            ("MESSAGE_TOO_LARGE", ErrorKind::MessageTooLarge),
            ("SOMETHING_NEW", ErrorKind::Refused),
        ] {
            let status = refused(Code::InvalidArgument, reason, None);
            let error = Error::from_status(&status, Effect::Publishes);
            assert_eq!((error.kind(), error.retry()), (kind, Retry::Useless), "{reason}");
        }
    }

    #[test]
    fn a_reason_of_another_domain_is_not_believed() {
        let mut details = ErrorDetails::new();
        details.set_error_info("OVERLOADED", "elsewhere", HashMap::<String, String>::new());
        let status = Status::with_error_details(Code::ResourceExhausted, "text", details);
        assert!(Error::from_status(&status, Effect::Publishes).is_outcome_unknown());
    }
}
