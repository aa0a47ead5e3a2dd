//! Reading what is kept, and counting it.

use super::{catalog::Snapshot, failure::Failure, rows, session::Param, shared::Shared};
use broker_core::{
    IdRange, Message, MessageId, Page, ReadError, Stored, Subject, SubjectSummary, Tally, Timestamp,
};
use std::{ops::Bound, sync::atomic::Ordering};
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

/// Headers and body of a light message at most, in bytes. A page of them is asked for by their number; of
/// heavier ones the database itself must count how many fit, which takes it twice as long.
const LIGHT_BYTES: usize = 1_024;

/// A page of a subject.
pub async fn page(
    shared: &Shared,
    subject: &Subject,
    after: MessageId,
    limit: usize,
) -> Result<Page, ReadError> {
    // Ids above what a column holds are nobody's.
    let Some(after) = rows::number(after) else { return Ok(Page::default()) };
    let ask = Ask { shared, subject, after, limit: limit.min(PAGE_BYTES) };
    let read = match ask.light().await? {
        Some(page) => page,
        None => ask.any().await?,
    };
    if let Some(weight) = read.weight.checked_div(read.page.messages.len()) {
        shared.page_weight.store(weight, Ordering::Relaxed);
    }
    Ok(read.page)
}

/// What is asked for.
struct Ask<'a> {
    shared: &'a Shared,
    subject: &'a Subject,
    after: i64,
    limit: usize,
}

/// A page, and what its messages weigh together.
struct Read {
    page: Page,
    weight: usize,
}

impl Ask<'_> {
    /// What every message weighs beside headers and body.
    fn beside(&self) -> usize {
        Message::BOOKKEEPING + self.subject.as_bytes().len()
    }

    /// Messages that fit if each weighs so much.
    fn rows_of(&self, weight: usize) -> usize {
        (self.limit / weight.max(self.beside()) + 1).min(PAGE_ROWS)
    }

    /// As many light messages as the last ones let expect to fit. `None`: the next one is heavy.
    async fn light(&self) -> Result<Option<Read>, ReadError> {
        let weight = self.shared.page_weight.load(Ordering::Relaxed);
        if weight > self.beside() + LIGHT_BYTES {
            return Ok(None);
        }
        let most = self.rows_of(weight);
        let (rows, largest) = (integer(most), i32::try_from(LIGHT_BYTES).unwrap_or(i32::MAX));
        let name = self.subject.as_bytes();
        let params: [Param<'_>; 4] = [&name, &self.after, &rows, &largest];
        let read = self.shared.read(|snapshot| snapshot.light_page.as_deref(), &params).await;
        let read = self.shared.confirm_read(read).await?;
        let is_heavy = read.first().is_some_and(|row| !rows::has_content(row, 0));
        Ok((!is_heavy).then(|| self.assembled(&read, most)))
    }

    /// As many messages as the database finds to fit.
    async fn any(&self) -> Result<Read, ReadError> {
        let most = self.rows_of(0);
        let (bytes, rows) = (integer(self.limit), integer(most));
        let beside = i32::try_from(self.beside()).unwrap_or(i32::MAX);
        let name = self.subject.as_bytes();
        let params: [Param<'_>; 5] = [&name, &self.after, &bytes, &rows, &beside];
        let read = self.shared.read(|snapshot| snapshot.page.as_deref(), &params).await;
        let read = self.shared.confirm_read(read).await?;
        Ok(self.assembled(&read, most))
    }

    fn assembled(&self, read: &[Row], most: usize) -> Read {
        let mut messages: Vec<Stored> = Vec::with_capacity(read.len());
        let (mut weight, mut is_full) = (0, read.len() >= most);
        for row in read {
            // Beyond the limit, or a heavy one among light ones: it begins the next page.
            let is_beyond = weight >= self.limit && !messages.is_empty();
            if is_beyond || !rows::has_content(row, 0) {
                is_full = true;
                break;
            }
            let stored = match rows::message(self.subject, row, 0) {
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
        is_full |= weight >= self.limit;
        let next = messages.last().filter(|_| is_full).map(Stored::id);
        Read { page: Page { messages, next }, weight }
    }
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
