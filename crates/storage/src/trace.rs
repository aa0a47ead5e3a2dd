//! The span of a commit: what a store does at once for appends that may be several.

use broker_core::{
    Message,
    trace::{TARGET, Trace},
};
use std::sync::Arc;
use tracing::{Span, field::Empty, info_span};

/// What keeps messages, by the name that the semantic conventions of OpenTelemetry give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// The process's memory.
    Memory,
    /// The local disk.
    Local,
    /// PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres,
    /// Apache Cassandra or ScyllaDB.
    #[cfg(feature = "cassandra")]
    Cassandra,
}

impl System {
    fn database(self) -> Option<&'static str> {
        match self {
            Self::Memory | Self::Local => None,
            #[cfg(feature = "postgres")]
            Self::Postgres => Some("postgresql"),
            #[cfg(feature = "cassandra")]
            Self::Cassandra => Some("cassandra"),
        }
    }
}

/// The span of a commit for these appends: a child of the first that is recorded, linked to the others
/// and to every publish of which it keeps `messages`. None if no append is recorded.
pub fn commit<'a>(
    system: System,
    appends: impl Iterator<Item = &'a Span>,
    messages: impl Iterator<Item = &'a Arc<Message>>,
) -> Span {
    let mut appends = appends.filter(|append| !append.is_disabled());
    let Some(first) = appends.next() else { return Span::none() };
    let span = info_span!(
        target: TARGET,
        parent: first,
        "commit",
        "otel.kind" = if system.database().is_some() { "client" } else { "internal" },
        "db.system.name" = Empty,
        "db.operation.batch.size" = Empty,
        "otel.status_code" = Empty,
        outcome = Empty
    );
    let mut last = first.id();
    for append in appends {
        if last != append.id() {
            span.follows_from(append);
            last = append.id();
        }
    }
    let (mut last, mut count) = (None, 0_i64);
    for message in messages {
        count += 1;
        let shard = message.trace().and_then(Trace::shard);
        if let Some(id) = shard
            && last != shard
        {
            span.follows_from(id);
            last = shard;
        }
    }
    span.record("db.operation.batch.size", count);
    if let Some(name) = system.database() {
        span.record("db.system.name", name);
    }
    span
}
