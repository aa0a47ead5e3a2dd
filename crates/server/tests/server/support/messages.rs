//! Requests, and what comes back.

use broker_proto::{PublishBatch, PublishRequest, PublishResult, publish_result};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// A delivered-only message.
pub fn message(subject: &str, body: &str) -> PublishRequest {
    PublishRequest {
        subject: subject.into(),
        body: body.to_owned().into(),
        ..PublishRequest::default()
    }
}

/// A message that is stored for good.
pub fn kept(subject: &str, body: &str) -> PublishRequest {
    PublishRequest { keep: true, ..message(subject, body) }
}

pub fn batch(messages: impl IntoIterator<Item = PublishRequest>) -> PublishBatch {
    PublishBatch { messages: messages.into_iter().collect() }
}

pub fn id_of(result: &PublishResult) -> Option<u64> {
    match result.result {
        Some(publish_result::Result::Id(id)) => Some(id),
        _ => None,
    }
}

pub fn ids(results: &[PublishResult]) -> Vec<Option<u64>> {
    results.iter().map(id_of).collect()
}

/// The problem of a message of a batch, in the form of a status.
pub fn problem(result: &PublishResult) -> Status {
    let Some(publish_result::Result::Error(error)) = &result.result else {
        panic!("{result:?} is no error")
    };
    let details = prost::Message::encode_to_vec(error);
    Status::with_details(Code::from_i32(error.code), error.message.clone(), details.into())
}

/// Code, reason, and whether it says when to try again. The domain is checked on the way.
pub fn reason(status: &Status) -> (Code, String, bool) {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| {
        assert_eq!(info.domain, "broker", "{status:?}");
        info.reason.clone()
    });
    assert!(status.message().len() < 1_000, "a message for people: {}", status.message().len());
    (status.code(), reason.unwrap_or_default(), details.retry_info().is_some())
}

/// The fields that are at fault.
pub fn violations(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let fields = details.bad_request().map(|bad| &bad.field_violations[..]).unwrap_or_default();
    fields.iter().map(|violation| violation.field.clone()).collect()
}
