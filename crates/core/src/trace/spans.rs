//! The spans: `publish`, `shard`, `append`; `fetch` and `lookup`.

use super::TARGET;
use crate::{AppendError, Appended, FetchError, MessageId, Publication, Subject};
use std::{fmt::Display, sync::Arc};
use tracing::{Span, field::Empty, info, info_span, span::Id};

/// A count or an id as an attribute: OpenTelemetry's numbers have a sign.
pub fn number(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// Notes something at a span, with the time.
pub fn note(span: &Span, what: &'static str) {
    if !span.is_disabled() {
        info!(target: TARGET, parent: span, "{what}");
    }
}

/// From a batch's being handed over to its answer.
pub fn publish(parent: &Span, batch: &[Publication]) -> Span {
    let Some(first) = batch.first().filter(|_| !parent.is_disabled()) else {
        return Span::none();
    };
    let bytes: usize = batch.iter().map(|publication| publication.body.len()).sum();
    let span = info_span!(
        target: TARGET,
        parent: parent,
        "publish",
        "messaging.system" = "broker",
        "messaging.operation.name" = "publish",
        "messaging.destination.name" = Empty,
        "messaging.batch.message_count" = number(batch.len()),
        bytes = number(bytes)
    );
    if batch.iter().all(|publication| publication.subject == first.subject) {
        span.record("messaging.destination.name", first.subject.as_str());
    }
    span
}

/// From the shard's taking a batch to its answer.
pub fn shard(publish: &Span) -> Span {
    if publish.is_disabled() {
        return Span::none();
    }
    note(publish, "taken");
    info_span!(target: TARGET, parent: publish, "shard")
}

/// One call of the store for messages of these spans: a child of the first, and linked to the others,
/// which are linked to it.
pub fn append(shards: &[Span], messages: usize) -> Span {
    let Some((first, others)) = shards.split_first() else { return Span::none() };
    let span = info_span!(
        target: TARGET,
        parent: first,
        "append",
        "messaging.batch.message_count" = number(messages),
        "otel.status_code" = Empty,
        outcome = Empty
    );
    let first = first.id();
    let others = others.iter().filter(|other| other.id() != first);
    let mut last: Option<Id> = None;
    for other in others {
        if last != other.id() {
            span.follows_from(other);
            other.follows_from(&span);
            last = other.id();
        }
    }
    span
}

/// Ends a span that was entered before, though a store or a child may hold on to it: its end is when it
/// was left last.
pub fn end(span: &Span) {
    span.in_scope(|| ());
}

/// Notes how an append ended.
pub fn appended(span: &Span, outcome: &Result<Vec<Appended>, AppendError>) {
    if span.is_disabled() {
        return;
    }
    match outcome {
        Ok(words) => match words.iter().filter(|word| **word != Appended::Stored).count() {
            0 => drop(span.record("outcome", "stored")),
            others => drop(span.record("outcome", format!("{others} not stored"))),
        },
        Err(error) => failed(span, error),
    }
    end(span);
}

/// A message is looked for.
pub fn fetch(parent: &Span, subject: &Subject, id: MessageId) -> Span {
    if parent.is_disabled() {
        return Span::none();
    }
    info_span!(
        target: TARGET,
        parent: parent,
        "fetch",
        "messaging.system" = "broker",
        "messaging.operation.name" = "fetch",
        "messaging.destination.name" = subject.as_str(),
        "messaging.message.id" = number(id.0),
        outcome = Empty
    )
}

/// The store is asked for it.
pub fn lookup(fetch: &Span) -> Span {
    if fetch.is_disabled() {
        return Span::none();
    }
    info_span!(target: TARGET, parent: fetch, "lookup")
}

/// Notes how a fetch ended: a message that is not there is no failure.
pub fn fetched<T>(span: &Span, answer: &Result<Arc<T>, FetchError>) {
    if !span.is_disabled() {
        match answer {
            Ok(_) => span.record("outcome", "found"),
            Err(error) => span.record("outcome", error.to_string()),
        };
    }
}

/// Notes that what a span stands for failed.
pub fn failed(span: &Span, error: &dyn Display) {
    if !span.is_disabled() {
        span.record("otel.status_code", "ERROR");
        span.record("outcome", error.to_string());
    }
}
