//! Why an operator's call was not done: an HTTP status, a reason a program can switch on, a sentence.

use super::{answer::Answer, calls, controls::ProfileError, process};
use crate::limits::OPERATOR_REQUEST;
use axum::response::{IntoResponse, Response};
use broker_core::{CountError, ListingError, PurgeError, ReadFailure, Subject};
use http::{HeaderValue, Method, StatusCode, header};
use serde::Serialize;

/// When to try again where the answer is "not now", in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// A call that was not done.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    status: StatusCode,
    body: Body,
    is_for_now: bool,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Body {
    reason: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

impl Refusal {
    fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        let body = Body { reason, message: message.into(), field: None };
        Self { status, body, is_for_now: false }
    }

    fn for_now(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { is_for_now: true, ..Self::new(status, reason, message) }
    }

    /// A field at fault.
    pub fn field(reason: &'static str, field: &str, message: String) -> Self {
        let mut refusal = Self::new(StatusCode::BAD_REQUEST, reason, message);
        refusal.body.field = Some(field.to_owned());
        refusal
    }

    pub fn malformed(message: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MALFORMED", message)
    }

    pub fn web_page() -> Self {
        let why = "requests of web pages are refused: this one has the header Origin";
        Self::new(StatusCode::FORBIDDEN, "ORIGIN_REFUSED", why)
    }

    pub fn unknown(path: &str) -> Self {
        let path: String = path.chars().take(64).collect();
        let known = [calls::PATHS, process::PATHS].concat().join(", ");
        let why = format!("there is no call {path:?}; there are {known}");
        Self::new(StatusCode::NOT_FOUND, "UNKNOWN_CALL", why)
    }

    pub fn not_local() -> Self {
        let why = "this call is answered to who is on the broker's own machine: send it there, to a \
                   loopback address";
        Self::new(StatusCode::FORBIDDEN, "NOT_LOCAL", why)
    }

    /// Who built this server gave it none of these.
    pub fn absent(what: &str) -> Self {
        let why = format!("this server has no {what} to control");
        Self::new(StatusCode::NOT_FOUND, "UNKNOWN_CALL", why)
    }

    pub fn method(method: &Method) -> Self {
        let method: String = method.as_str().chars().take(32).collect();
        let why = format!("the method is {method}, and must be POST");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "WRONG_METHOD", why)
    }

    pub fn content_type(found: Option<&str>) -> Self {
        let why = match found {
            None => "content-type is missing, and must be application/json".to_owned(),
            Some(found) => {
                let found: String = found.chars().take(64).collect();
                format!("content-type is {found:?}, and must be application/json")
            }
        };
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "WRONG_CONTENT_TYPE", why)
    }

    pub fn too_large() -> Self {
        let why = format!("the body has more than {OPERATOR_REQUEST} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", why)
    }

    pub fn slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "BODY_TOO_SLOW", "the body did not come in time")
    }

    pub fn starting() -> Self {
        let why = "the broker is starting";
        Self::for_now(StatusCode::SERVICE_UNAVAILABLE, "STARTING", why)
    }

    pub fn closing() -> Self {
        let why = "the broker is closing";
        Self::for_now(StatusCode::SERVICE_UNAVAILABLE, "BROKER_CLOSING", why)
    }

    pub fn standby() -> Self {
        let why = "this broker stands by, another one owns the store";
        Self::for_now(StatusCode::SERVICE_UNAVAILABLE, "STANDBY", why)
    }

    pub fn storage() -> Self {
        let why = "the store cannot be used at the moment; the broker's log says more";
        Self::for_now(StatusCode::SERVICE_UNAVAILABLE, "STORAGE_UNAVAILABLE", why)
    }

    pub fn overloaded(limit: &str) -> Self {
        let why = format!("the broker's limit on {limit} is reached; try again later");
        Self::for_now(StatusCode::TOO_MANY_REQUESTS, "OVERLOADED", why)
    }

    pub fn internal() -> Self {
        let why = "the broker failed; its log says more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", why)
    }

    fn unknown_outcome() -> Self {
        let why = "the store did not say in time whether the messages are removed; \
                   purging again does no harm";
        Self::new(StatusCode::GATEWAY_TIMEOUT, "OUTCOME_UNKNOWN", why)
    }

    fn read(failure: ReadFailure) -> Self {
        match failure {
            ReadFailure::StorageUnavailable => Self::storage(),
            ReadFailure::Standby => Self::standby(),
            ReadFailure::Damaged(_) | ReadFailure::Internal => Self::internal(),
        }
    }

    fn never_used(subject: &Subject) -> Self {
        let message = format!("subject {:?} never had a stored message", subject.as_str());
        let refusal = Self::field("SUBJECT_NOT_FOUND", "subject", message);
        Self { status: StatusCode::NOT_FOUND, ..refusal }
    }

    fn ahead(subject: &Subject, up_to: u64, last: u64) -> Self {
        let name = subject.as_str();
        let why = format!(
            "up_to is {up_to}, and must be at most the last id of subject {name:?}, {last}"
        );
        Self::field("UP_TO_AHEAD", "up_to", why)
    }

    /// Why there is no profile.
    pub fn profile(error: ProfileError) -> Self {
        match error {
            ProfileError::Off(setting) => {
                let why = format!("profiles are off; start the broker with {setting}");
                Self::new(StatusCode::NOT_FOUND, "PROFILES_OFF", why)
            }
            ProfileError::Busy => {
                let why = "a profile is being taken; there is one at a time";
                Self::for_now(StatusCode::CONFLICT, "PROFILE_RUNNING", why)
            }
            ProfileError::Unable(why) => {
                Self::new(StatusCode::NOT_IMPLEMENTED, "PROFILE_UNAVAILABLE", why)
            }
        }
    }

    /// Why nothing was listed.
    pub fn listing(error: ListingError) -> Self {
        match error {
            ListingError::Closing => Self::closing(),
            ListingError::Standby => Self::standby(),
            ListingError::Read(failure) => Self::read(failure),
        }
    }

    /// Why this subject was not counted.
    pub fn count(error: CountError, subject: &Subject) -> Self {
        match error {
            CountError::Closing => Self::closing(),
            CountError::Standby => Self::standby(),
            CountError::NeverUsed => Self::never_used(subject),
            CountError::Ahead { up_to, last } => Self::ahead(subject, up_to.0, last.0),
            CountError::Read(failure) => Self::read(failure),
        }
    }

    /// Why this subject was not purged.
    pub fn purge(error: &PurgeError, subject: &Subject) -> Self {
        match error {
            PurgeError::Closing => Self::closing(),
            PurgeError::Standby => Self::standby(),
            PurgeError::Overloaded(limit) => Self::overloaded(limit),
            PurgeError::NeverUsed => Self::never_used(subject),
            PurgeError::Ahead { up_to, last } => Self::ahead(subject, up_to.0, last.0),
            PurgeError::OutcomeUnknown => Self::unknown_outcome(),
            PurgeError::StorageUnavailable => Self::storage(),
            PurgeError::Read(failure) => Self::read(*failure),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Error {
            error: Body,
        }
        // Texts and numbers always have a form in JSON.
        let json = serde_json::to_vec(&Error { error: self.body }).unwrap_or_default();
        let mut response = Answer::json(json).respond(self.status);
        if self.is_for_now {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}
