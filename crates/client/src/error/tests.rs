//! What every failure says about a retry.

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
