//! Counting what is kept.

use super::{
    catalog,
    failure::Failure,
    reading::Reader,
    shelf::{Partition, signed},
    together,
};
use broker_core::{IdRange, MessageId, ReadError, Tally, Timestamp};
use futures_util::{StreamExt, TryStreamExt, stream};

/// Ranges that one call answers for at most.
const RANGES: usize = 128;
/// Partitions that are counted for one range in a call at most. More than can lie before an id in the
/// partitions of light messages that hold it.
const ENTRIES: i32 = 128;
/// Queries under way at once.
const AT_ONCE: usize = 16;
/// Partitions that one call counts before it leaves the rest to a later one.
const ENOUGH: usize = 256;
/// Rows of a partition at most.
const ROWS: i32 = 256;

impl Reader {
    pub async fn tally(
        &self,
        mut ranges: Vec<IdRange>,
        now: Timestamp,
    ) -> Result<Vec<Tally>, ReadError> {
        ranges.truncate(RANGES);
        let tallies = self.count_ranges(&ranges, now).await;
        tallies.map_err(Failure::read_error)
    }

    async fn count_ranges(
        &self,
        ranges: &[IdRange],
        now: Timestamp,
    ) -> Result<Vec<Tally>, Failure> {
        let work: Vec<_> = ranges.iter().map(|range| self.count_range(range, now)).collect();
        let mut counting = stream::iter(work).buffered(AT_ONCE);
        let (mut tallies, mut counted) = (Vec::new(), 0);
        while counted < ENOUGH
            && let Some((tally, partitions)) = counting.try_next().await?
        {
            counted += partitions;
            let is_part = tally.next.is_some();
            tallies.push(tally);
            if is_part {
                break;
            }
        }
        drop(counting);
        self.guard.confirm().await?;
        Ok(tallies)
    }

    /// Counts a range or a part of it; answers also how many partitions were counted.
    async fn count_range(
        &self,
        range: &IdRange,
        now: Timestamp,
    ) -> Result<(Tally, usize), Failure> {
        let IdRange { subject, after, up_to } = range;
        let (after, up_to) = (after.0, up_to.0.min(i64::MAX.unsigned_abs()));
        let mut tally = Tally::default();
        if after >= up_to {
            return Ok((tally, 0));
        }
        self.places.get(&self.database, &self.guard, subject).await?;
        let from = after + 1;
        let mut partitions =
            catalog::partitions(&self.database, subject, from, up_to, ENTRIES).await?;
        let is_all = partitions.len() < ENTRIES.unsigned_abs() as usize;
        // What the last entry begins may go on behind it.
        let end = if is_all { up_to } else { partitions.last().map_or(up_to, |it| it.first - 1) };
        partitions.retain(|partition| partition.last() > after && partition.first <= end);
        let counts = partitions.iter().map(|partition| self.count(range, *partition, end, now));
        let counts: Vec<Tally> = together::all(AT_ONCE, counts).await?;
        for count in &counts {
            tally.add(count);
        }
        tally.next = (end < up_to).then_some(MessageId(end));
        Ok((tally, partitions.len()))
    }

    async fn count(
        &self,
        range: &IdRange,
        partition: Partition,
        up_to: u64,
        now: Timestamp,
    ) -> Result<Tally, Failure> {
        let statement = &self.database.table(partition.shelf.class).tally;
        let subject = range.subject.as_bytes();
        let values = (subject, partition.bucket(), signed(range.after.0), signed(up_to), ROWS);
        let rows: Vec<(i64, Option<i64>, Option<i32>)> =
            self.database.rows(statement, values).await?;
        let mut tally = Tally::default();
        for (_, expires_at, size) in rows {
            let expires_at = expires_at.map(Timestamp);
            let Some(size) = size else { continue };
            if expires_at.is_none_or(|at| at > now) {
                tally.count(u64::from(size.unsigned_abs()), expires_at);
            }
        }
        Ok(tally)
    }
}
