//! What went wrong, as a client hears it: a status, a reason a program can switch on, and details.

use crate::{compression, convert::Invalid};
use broker_core::{FetchError, PublishError, ReadFailure, SubscribeError, SubscriptionEnd};
use broker_proto::ERROR_DOMAIN;
use std::{collections::HashMap, time::Duration};
use tonic::{Code, Status, metadata::MetadataValue};
use tonic_types::{ErrorDetails, StatusExt};

/// When to try again where the answer is "not now".
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A problem of a call, each row of the table in the proto file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    Closing,
    Standby,
    StorageUnavailable,
    Overloaded(&'static str),
    OutcomeUnknown,
    Expired,
    NotFound,
    Invalid(Invalid),
    BatchTooLarge(String),
    ResumeAhead {
        after: u64,
        last: u64,
    },
    Damaged(u64),
    UnknownCompression,
    BadTimeout,
    NoSuchMethod,
    DeadlineExceeded,
    /// Nobody hears this.
    ClientGone,
    Internal,
}

impl Problem {
    /// The reason that a program can switch on; for what has none on the wire, the name of its code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Closing => "BROKER_CLOSING",
            Self::Standby => "STANDBY",
            Self::StorageUnavailable => "STORAGE_UNAVAILABLE",
            Self::Overloaded(_) => "OVERLOADED",
            Self::OutcomeUnknown => "OUTCOME_UNKNOWN",
            Self::Expired => "MESSAGE_EXPIRED",
            Self::NotFound => "MESSAGE_NOT_FOUND",
            Self::Invalid(invalid) => invalid.reason_and_field().0,
            Self::BatchTooLarge(_) => "BATCH_TOO_LARGE",
            Self::ResumeAhead { .. } => "RESUME_AHEAD",
            Self::Damaged(_) => "MESSAGE_DAMAGED",
            Self::BadTimeout => "MALFORMED",
            Self::UnknownCompression | Self::NoSuchMethod => "UNIMPLEMENTED",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::ClientGone => "CANCELLED",
            Self::Internal => "INTERNAL",
        }
    }
}

impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        let reason = problem.reason();
        match problem {
            Problem::Closing => {
                retryable(Code::Unavailable, reason, "the broker is closing".into())
            }
            Problem::Standby => retryable(
                Code::Unavailable,
                reason,
                "this broker stands by, another one owns the store".into(),
            ),
            Problem::StorageUnavailable => retryable(
                Code::Unavailable,
                reason,
                "the store takes no messages at the moment; nothing was stored".into(),
            ),
            Problem::Overloaded(limit) => retryable(
                Code::ResourceExhausted,
                reason,
                format!("the broker's limit on {limit} is reached; try again later"),
            ),
            Problem::OutcomeUnknown => plain(
                Code::DeadlineExceeded,
                reason,
                "the store did not say in time whether the message is kept; \
                 sending it again may store it twice",
            ),
            Problem::Expired => {
                plain(Code::InvalidArgument, reason, "the message has expired or was purged")
            }
            Problem::NotFound => plain(
                Code::InvalidArgument,
                reason,
                "no message was ever published to that subject under that id",
            ),
            Problem::Invalid(invalid) => invalid_argument(&invalid),
            Problem::BatchTooLarge(why) => plain(Code::InvalidArgument, reason, &why),
            Problem::ResumeAhead { after, last } => plain(
                Code::OutOfRange,
                reason,
                &format!("after_id {after} is above the subject's last id {last}"),
            ),
            Problem::Damaged(id) => damaged(reason, id),
            Problem::UnknownCompression => unknown_compression(),
            Problem::BadTimeout => plain(
                Code::InvalidArgument,
                reason,
                "grpc-timeout is not one to eight digits and a unit of H, M, S, m, u or n",
            ),
            Problem::NoSuchMethod => Self::unimplemented("the broker has no such method"),
            Problem::DeadlineExceeded => {
                Self::deadline_exceeded("the call took longer than its client's deadline")
            }
            Problem::ClientGone => Self::cancelled("the client went away"),
            Problem::Internal => {
                plain(Code::Internal, reason, "the broker failed; its log says more")
            }
        }
    }
}

fn unknown_compression() -> Status {
    let mut status =
        Status::unimplemented(format!("grpc-encoding is none of {}", compression::ACCEPTED));
    let accepted = MetadataValue::from_static(compression::ACCEPTED);
    status.metadata_mut().insert("grpc-accept-encoding", accepted);
    status
}

fn details(reason: &str) -> ErrorDetails {
    ErrorDetails::with_error_info(reason, ERROR_DOMAIN, HashMap::new())
}

fn plain(code: Code, reason: &str, message: &str) -> Status {
    Status::with_error_details(code, message, details(reason))
}

fn retryable(code: Code, reason: &str, message: String) -> Status {
    let mut details = details(reason);
    details.set_retry_info(Some(RETRY_AFTER));
    Status::with_error_details(code, message, details)
}

fn damaged(reason: &str, id: u64) -> Status {
    let metadata = HashMap::from([("id".to_owned(), id.to_string())]);
    let details = ErrorDetails::with_error_info(reason, ERROR_DOMAIN, metadata);
    let message =
        format!("message {id} is damaged; a subscription with after_id {id} goes on behind it");
    Status::with_error_details(Code::DataLoss, message, details)
}

fn invalid_argument(invalid: &Invalid) -> Status {
    let message = invalid.to_string();
    let (reason, field) = invalid.reason_and_field();
    let mut details = details(reason);
    if let Some(field) = field {
        details.add_bad_request_violation(field, message.clone());
    }
    Status::with_error_details(Code::InvalidArgument, message, details)
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Closing => Self::Closing,
            PublishError::Standby => Self::Standby,
            PublishError::StorageUnavailable => Self::StorageUnavailable,
            PublishError::Overloaded(limit) => Self::Overloaded(limit),
            PublishError::OutcomeUnknown => Self::OutcomeUnknown,
            PublishError::Refused => Self::Internal,
        }
    }
}

impl From<ReadFailure> for Problem {
    fn from(failure: ReadFailure) -> Self {
        match failure {
            ReadFailure::StorageUnavailable => Self::StorageUnavailable,
            ReadFailure::Damaged(id) => Self::Damaged(id.0),
            ReadFailure::Internal => Self::Internal,
            ReadFailure::Standby => Self::Standby,
        }
    }
}

impl From<FetchError> for Problem {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::NotFound => Self::NotFound,
            FetchError::Expired => Self::Expired,
            FetchError::Closing => Self::Closing,
            FetchError::Standby => Self::Standby,
            FetchError::Read(failure) => failure.into(),
        }
    }
}

impl From<SubscribeError> for Problem {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::Closing => Self::Closing,
            SubscribeError::Standby => Self::Standby,
            SubscribeError::Overloaded(limit) => Self::Overloaded(limit),
            SubscribeError::ResumeAhead { after, last } => {
                Self::ResumeAhead { after: after.0, last: last.0 }
            }
            SubscribeError::Read(failure) => failure.into(),
        }
    }
}

impl From<SubscriptionEnd> for Problem {
    fn from(end: SubscriptionEnd) -> Self {
        match end {
            SubscriptionEnd::Closing => Self::Closing,
            SubscriptionEnd::Standby => Self::Standby,
            SubscriptionEnd::Overloaded(limit) => Self::Overloaded(limit),
            SubscriptionEnd::Read(failure) => failure.into(),
        }
    }
}
