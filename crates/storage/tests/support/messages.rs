//! Messages for tests.

use broker_core::{Headers, Message, MessageId, Subject, Timestamp};
use bytes::Bytes;
use std::sync::Arc;

/// A subject of that name.
pub fn subject(name: &str) -> Subject {
    Subject::new(name).unwrap()
}

/// A message with every field given.
pub fn message(
    name: &str,
    id: u64,
    published_at: i64,
    expires_at: Option<i64>,
    headers: Headers,
    body: impl Into<Bytes>,
) -> Arc<Message> {
    let (published_at, expires_at) = (Timestamp(published_at), expires_at.map(Timestamp));
    let (subject, id) = (subject(name), MessageId(id));
    Arc::new(Message::new(subject, id, published_at, expires_at, headers, body.into()))
}

/// A message kept for good, whose body tells it from others.
pub fn kept(name: &str, id: u64) -> Arc<Message> {
    with_body(name, id, format!("{name} {id}"))
}

/// A message that expires at that moment, whose body tells it from others.
pub fn expiring(name: &str, id: u64, expires_at: i64) -> Arc<Message> {
    message(name, id, 1, Some(expires_at), Headers::default(), format!("{name} {id}"))
}

/// A message kept for good with that body.
pub fn with_body(name: &str, id: u64, body: impl Into<Bytes>) -> Arc<Message> {
    message(name, id, 1, None, Headers::default(), body)
}

/// A message kept for good with these headers.
pub fn with_headers(name: &str, id: u64, headers: &[(&str, &str)]) -> Arc<Message> {
    let headers = Headers::from_pairs(headers.iter().copied()).unwrap();
    message(name, id, 1, None, headers, "")
}
