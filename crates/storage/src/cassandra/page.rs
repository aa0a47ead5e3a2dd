//! A page of messages out of several partitions.

use super::{
    database::Database,
    failure::Failure,
    shelf::{Partition, signed},
};
use broker_core::{Headers, Message, MessageId, Stored, Subject, Timestamp};
use bytes::Bytes;
use std::sync::Arc;

/// Rows that a query of light messages gives at most: a whole partition.
pub const LIGHT_ROWS: usize = 256;

/// A row of a table of messages: id, times, headers, body and size.
pub type Columns = (i64, Option<i64>, Option<i64>, Option<Vec<u8>>, Option<Vec<u8>>, Option<i32>);

/// What one query gave.
pub struct Part {
    pub partition: Partition,
    /// Ascending by id.
    pub messages: Vec<Stored>,
    /// Up to and including this id nothing is missing.
    pub complete: u64,
}

/// The message of a row; `None` for a part of one, which was never acknowledged.
pub fn stored(subject: &Subject, columns: Columns) -> Option<Stored> {
    let (id, published_at, expires_at, headers, body, size) = columns;
    let id = MessageId(id.max(0).cast_unsigned());
    let (published_at, body, _) = (published_at?, body?, size?);
    let headers = headers.map_or_else(
        || Ok(Headers::default()),
        |headers| Headers::from_bytes(Bytes::from(headers)),
    );
    let Ok(headers) = headers else { return Some(Stored::Damaged(id)) };
    let (published_at, expires_at) = (Timestamp(published_at), expires_at.map(Timestamp));
    let body = Bytes::from(body);
    let message = Message::new(subject.clone(), id, published_at, expires_at, headers, body);
    Some(Stored::Message(Arc::new(message)))
}

/// Reads messages of a partition above an id, at most so many.
pub async fn read(
    database: &Database,
    subject: &Subject,
    partition: Partition,
    after: u64,
    rows: usize,
) -> Result<Part, Failure> {
    let statement = &database.table(partition.shelf.class).read;
    let limit = i32::try_from(rows).unwrap_or(i32::MAX);
    let values = (subject.as_bytes(), partition.bucket(), signed(after), limit);
    let mut last = 0;
    let take = |columns: Columns| {
        last = columns.0.max(0).cast_unsigned();
        stored(subject, columns)
    };
    let found = database.read(statement, values, take).await?;
    let is_whole = found.len() < rows;
    let complete = if is_whole { partition.last() } else { last };
    Ok(Part { partition, messages: found.into_iter().flatten().collect(), complete })
}

/// Messages of several partitions in the order of their ids, as far as nothing is missing: up to the id
/// that is answered. Other partitions hold ids from `end` on only.
pub fn merge(parts: Vec<Part>, end: u64) -> (Vec<Stored>, u64) {
    let cut = parts.iter().filter(|part| part.complete < part.partition.last());
    let horizon = cut.map(|part| part.complete).fold(end - 1, u64::min);
    let mut messages: Vec<_> = parts.into_iter().flat_map(|part| part.messages).collect();
    messages.retain(|stored| stored.id().0 <= horizon);
    messages.sort_unstable_by_key(Stored::id);
    (messages, horizon)
}
