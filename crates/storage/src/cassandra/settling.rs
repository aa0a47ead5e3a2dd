//! The first touch of a subject: nothing of it may be in doubt afterwards.
//!
//! Between `settled` and `reserved` lie the ids whose writes may have been under way when an earlier
//! owner, or this one, last used the subject. What of them is there stays; what is not is voided by range
//! deletes with this owner's timestamps, so that it stays away even if its write arrives later. From then
//! on a replay shows what live subscribers see.

use super::{
    catalog,
    database::Database,
    failure::Failure,
    gaps::{Gap, gaps, within},
    guard::Guard,
    ledger::Record,
    place::{self, Place, slot},
    shelf::{Partition, signed},
    together,
};
use broker_core::Subject;
use scylla::value::CqlTimestamp;

/// Rows written longer ago may have been forgotten by the database, which keeps each for a day at least.
const TRUSTED_MS: i64 = 12 * 60 * 60 * 1_000;
/// Entries of the index that are read at once.
const ENTRIES: i32 = 1_000;
/// Partitions that are looked at at once.
const AT_ONCE: usize = 8;

/// A row of `subjects` as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub record: Record,
    /// Whether everything that was stored since the row was written is still there.
    pub is_fresh: bool,
}

/// The columns of a row, and the database's time.
pub type Columns =
    (Option<i64>, Option<i64>, Option<i64>, Option<CqlTimestamp>, Option<CqlTimestamp>);

impl Row {
    /// Of the columns; ids are not negative.
    pub fn read((reserved, settled, last, recorded_at, now): Columns) -> Self {
        let id = |column: Option<i64>| column.map_or(0, |id| id.max(0).cast_unsigned());
        let record = Record { reserved: id(reserved), settled: id(settled), last: id(last) };
        let is_fresh = match (recorded_at, now) {
            (Some(then), Some(now)) => now.0.saturating_sub(then.0) < TRUSTED_MS,
            _ => false,
        };
        Self { record, is_fresh }
    }
}

/// Reads a subject's row, and settles it.
pub async fn open(database: &Database, guard: &Guard, subject: &Subject) -> Result<Place, Failure> {
    let values = (slot(subject), subject.as_bytes());
    let rows = database.read(&database.statements.subjects.row, values, Row::read).await?;
    guard.confirm().await?;
    settle(database, guard, subject, rows.first().copied()).await
}

/// Settles a subject whose row is known.
pub async fn settle(
    database: &Database,
    guard: &Guard,
    subject: &Subject,
    row: Option<Row>,
) -> Result<Place, Failure> {
    let Some(Row { record, is_fresh }) = row else { return Ok(Place::new(subject.clone(), 0)) };
    if record.is_settled() {
        return Ok(Place::new(subject.clone(), record.last));
    }
    let (after, up_to) = (record.settled, record.reserved);
    let partitions = unsettled(database, subject, after, up_to).await?;
    let present = present(database, subject, &partitions, after, up_to).await?;
    void(database, guard, subject, &partitions, &gaps(after, up_to, &present)).await?;
    let highest = present.last().copied().unwrap_or(0);
    let last = if is_fresh { record.last.max(highest) } else { up_to };
    place::write(database, subject, Record::settled_at(last), guard.stamp()?).await?;
    guard.confirm().await?;
    Ok(Place::new(subject.clone(), last))
}

/// The partitions that may hold ids in doubt.
async fn unsettled(
    database: &Database,
    subject: &Subject,
    after: u64,
    up_to: u64,
) -> Result<Vec<Partition>, Failure> {
    let (mut all, mut from) = (Vec::new(), after + 1);
    loop {
        let part = catalog::partitions(database, subject, from, up_to, ENTRIES).await?;
        let is_last = part.len() < ENTRIES.unsigned_abs() as usize;
        let next = part.last().map(|partition| partition.first);
        for partition in part {
            if partition.last() > after && !all.contains(&partition) {
                all.push(partition);
            }
        }
        match next {
            Some(next) if !is_last => from = next,
            _ => return Ok(all),
        }
    }
}

/// The ids that are there, ascending. A row of which a part is missing was never acknowledged and is not
/// there: its parts are no more than what a query that asked for less copied.
async fn present(
    database: &Database,
    subject: &Subject,
    partitions: &[Partition],
    after: u64,
    up_to: u64,
) -> Result<Vec<u64>, Failure> {
    let scans = partitions.iter().map(|it| scan(database, subject, *it, after, up_to));
    let found: Vec<Vec<u64>> = together::all(AT_ONCE, scans).await?;
    let mut ids: Vec<u64> = found.into_iter().flatten().collect();
    ids.sort_unstable();
    Ok(ids)
}

/// The ids of a partition that are there as a whole.
pub async fn scan(
    database: &Database,
    subject: &Subject,
    partition: Partition,
    after: u64,
    up_to: u64,
) -> Result<Vec<u64>, Failure> {
    // The columns are read by the database, though not sent: few at once of those that may be large.
    let limit = if partition.shelf.is_heavy { 4 } else { 256 };
    let statement = &database.table(partition.shelf.class).scan;
    let (mut ids, mut after) = (Vec::new(), after);
    type Times = (i64, Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>);
    let read = |(id, published_at, _, _, body, size): Times| {
        (id.max(0).cast_unsigned(), published_at.and(body).and(size).is_some())
    };
    loop {
        let values = (subject.as_bytes(), partition.bucket(), signed(after), signed(up_to), limit);
        let rows = database.read(statement, values, read).await?;
        ids.extend(rows.iter().filter(|(_, is_whole)| *is_whole).map(|(id, _)| *id));
        match rows.last() {
            Some((id, _)) if rows.len() == limit as usize => after = *id,
            _ => return Ok(ids),
        }
    }
}

/// Deletes what is not there.
async fn void(
    database: &Database,
    guard: &Guard,
    subject: &Subject,
    partitions: &[Partition],
    gaps: &[Gap],
) -> Result<(), Failure> {
    let voids = partitions.iter().map(|partition| async move {
        let cut = |gap: &Gap| within(*gap, partition.first, partition.last());
        let row =
            |(after, up_to)| (subject.as_bytes(), partition.bucket(), signed(after), signed(up_to));
        let rows: Vec<_> = gaps.iter().filter_map(cut).map(row).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let statement = &database.table(partition.shelf.class).void;
        let void = || async { database.write_all(statement, &rows, guard.stamp()?).await };
        database.patiently(void).await
    });
    together::all(AT_ONCE, voids).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_trusted_for_half_a_day() {
        let read = |then, now| {
            let (then, now) = (Some(CqlTimestamp(then)), Some(CqlTimestamp(now)));
            Row::read((Some(5), Some(3), None, then, now))
        };
        let record = Record { reserved: 5, settled: 3, last: 0 };
        assert_eq!(read(7, 8), Row { record, is_fresh: true });
        assert_eq!(read(0, TRUSTED_MS), Row { record, is_fresh: false });
        assert!(read(9, 8).is_fresh, "clocks of nodes differ a little");
    }
}
