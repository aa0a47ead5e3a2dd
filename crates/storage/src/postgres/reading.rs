//! Reading what is kept, and counting it.

use super::{catalog::Snapshot, failure::Failure, rows, session::Param, shared::Shared};
use broker_core::{
    IdRange, Message, MessageId, Page, ReadError, Stored, Subject, SubjectSummary, Tally, Timestamp,
};
use std::ops::Bound;
use tokio_postgres::Row;

/// Messages in a page at most.
const PAGE_ROWS: usize = 8_192;

/// Bytes in a page at most, whatever is asked for.
const PAGE_BYTES: usize = 64 * 1024 * 1024;

/// Ranges that are counted in one statement at most, each up to [`FIRST_ROWS`].
const RANGES: usize = 128;

/// Entries of the index that are read of each of many ranges at most.
const FIRST_ROWS: i64 = 256;

/// Entries of the index that one call reads of a single range at most.
const ROWS: i64 = 32_768;

/// A page of a subject.
pub async fn page(
    shared: &Shared,
    subject: &Subject,
    after: MessageId,
    limit: usize,
) -> Result<Page, ReadError> {
    // Ids above what a column holds are nobody's.
    let Some(after) = rows::number(after) else { return Ok(Page::default()) };
    let limit = limit.min(PAGE_BYTES);
    let beside = Message::BOOKKEEPING + subject.as_bytes().len();
    let most = (limit / beside + 1).min(PAGE_ROWS);
    let (bytes, rows) = (integer(limit), integer(most));
    let beside = i32::try_from(beside).unwrap_or(i32::MAX);
    let name = subject.as_bytes();
    let params: [Param<'_>; 5] = [&name, &after, &bytes, &rows, &beside];
    let read = shared.read(|snapshot| snapshot.page.as_deref(), &params).await;
    let read = shared.confirm_read(read).await?;
    Ok(assembled(subject, &read, limit, most))
}

fn assembled(subject: &Subject, read: &[Row], limit: usize, most: usize) -> Page {
    let mut messages: Vec<Stored> = Vec::with_capacity(read.len());
    let mut weight = 0;
    for row in read {
        let stored = match rows::message(subject, row, 0) {
            Ok(message) => {
                weight += message.weight();
                Stored::Message(message)
            }
            Err(id) => Stored::Damaged(id),
        };
        // One that was put again while its table died may be in two tables for a moment.
        if messages.last().is_none_or(|last| last.id() < stored.id()) {
            messages.push(stored);
        }
    }
    let is_full = weight >= limit || read.len() >= most;
    let next = messages.last().filter(|_| is_full).map(Stored::id);
    Page { messages, next }
}

/// Subjects in their order.
pub async fn subjects(
    shared: &Shared,
    from: Bound<Subject>,
    limit: usize,
) -> Result<Vec<SubjectSummary>, ReadError> {
    let limit = integer(limit);
    if limit == 0 {
        return Ok(Vec::new());
    }
    let (name, is_behind) = match &from {
        Bound::Unbounded => (&b""[..], false),
        Bound::Included(subject) => (subject.as_bytes(), false),
        Bound::Excluded(subject) => (subject.as_bytes(), true),
    };
    let words: fn(&Snapshot) -> Option<&str> = if is_behind {
        |snapshot| Some(&snapshot.subjects_behind)
    } else {
        |snapshot| Some(&snapshot.subjects_from)
    };
    let read = shared.read(words, &[&name, &limit]).await;
    let read = shared.confirm_read(read).await?;
    let summary = |row: &Row| {
        let name: &[u8] = row.get(0);
        let subject = Subject::from_bytes(name)
            .map_err(|error| ReadError::Failed(format!("a stored subject: {error}")))?;
        let last_id = rows::id(row.get::<_, Option<i64>>(1).unwrap_or(0));
        Ok(SubjectSummary { subject, last_id })
    };
    read.iter().map(summary).collect()
}

/// Counts ranges: many small ones in one statement, and the first large one as far as the bound goes.
pub async fn tally(
    shared: &Shared,
    ranges: &[IdRange],
    now: Timestamp,
) -> Result<Vec<Tally>, ReadError> {
    let ranges = &ranges[..ranges.len().min(RANGES)];
    let Some(first) = ranges.first() else { return Ok(Vec::new()) };
    let mut tallies = if ranges.len() > 1 {
        count(shared, ranges, now, FIRST_ROWS).await
    } else {
        count(shared, ranges, now, ROWS).await
    };
    if let Ok(counted) = &mut tallies
        && ranges.len() > 1
    {
        let whole = counted.iter().position(|tally| tally.next.is_some());
        counted.truncate(whole.map_or(counted.len(), |part| part + 1));
        // The only one that would be answered deserves more than a part of so few.
        if whole == Some(0) {
            tallies = count(shared, std::slice::from_ref(first), now, ROWS).await;
        }
    }
    shared.confirm_read(tallies).await
}

async fn count(
    shared: &Shared,
    ranges: &[IdRange],
    now: Timestamp,
    most: i64,
) -> Result<Vec<Tally>, Failure> {
    let subjects: Vec<&[u8]> = ranges.iter().map(|range| range.subject.as_bytes()).collect();
    let column = |of: fn(&IdRange) -> MessageId| -> Vec<i64> {
        ranges.iter().map(|range| rows::number(of(range)).unwrap_or(i64::MAX)).collect()
    };
    let (after, up_to) = (column(|range| range.after), column(|range| range.up_to));
    let params: [Param<'_>; 5] = [&subjects, &after, &up_to, &now.0, &most];
    let rows = shared.read(|snapshot| snapshot.tally.as_deref(), &params).await?;
    let mut tallies = vec![Tally::default(); ranges.len()];
    for row in rows {
        let place = usize::try_from(row.get::<_, i64>(0)).unwrap_or(1) - 1;
        let seen: i64 = row.get(1);
        let last: Option<i64> = row.get(5);
        tallies[place] = Tally {
            messages: u64::try_from(row.get::<_, i64>(2)).unwrap_or(0),
            bytes: u64::try_from(row.get::<_, i64>(3)).unwrap_or(0),
            next_expiry: row.get::<_, Option<i64>>(4).map(Timestamp),
            next: last.filter(|last| seen >= most && *last < up_to[place]).map(rows::id),
        };
    }
    Ok(tallies)
}

fn integer(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
