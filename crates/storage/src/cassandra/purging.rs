//! Removing the beginning of a subject, and what of the endless table has expired.

use super::{
    catalog,
    failure::Failure,
    ledger::Ledger,
    place::Place,
    reading::Reader,
    shelf::{Class, Partition, signed},
    together,
};
use broker_core::{MessageId, ReadError, Reclaimed, Subject, Timestamp};

/// Entries of the index that are read at once.
const ENTRIES: i32 = 1_000;
/// Deletes under way at once.
const AT_ONCE: usize = 32;
/// Partitions that one call of reclaim looks at.
const DUE: i32 = 32;
/// Rows of a partition at most.
const ROWS: i32 = 256;

impl Reader {
    /// Removes messages up to an id, with ranges of ids or whole partitions: no row for each is written.
    pub async fn purge(&self, subject: &Subject, up_to: MessageId) -> Result<(), Failure> {
        let place = self.places.get(&self.database, &self.guard, subject).await;
        let place = place.map_err(Failure::before)?;
        let up_to = up_to.0.min(place.last());
        if up_to == 0 {
            return Ok(());
        }
        self.note_last(&place).await.map_err(Failure::before)?;
        let mut from = 1;
        loop {
            let part = catalog::partitions(&self.database, subject, from, up_to, ENTRIES).await?;
            let is_last = part.len() < ENTRIES.unsigned_abs() as usize;
            let next = part.last().map_or(0, |partition| partition.first);
            let removes = part.into_iter().map(|it| self.remove(subject, it, up_to));
            together::all(AT_ONCE, removes).await?;
            if is_last {
                break;
            }
            from = next;
        }
        let stamp = self.guard.stamp()?;
        let values = (stamp, subject.as_bytes(), Partition::lowest_bucket(up_to));
        place.ledger.lock().forget_entries();
        self.database.write(&self.database.statements.subjects.drop_entries, values).await?;
        self.guard.confirm().await.map_err(Failure::after)
    }

    /// The last id must not be looked for among what is removed.
    async fn note_last(&self, place: &Place) -> Result<(), Failure> {
        let plan = |ledger: &mut Ledger| ledger.plan(0);
        let record = || place.record(&self.database, &self.guard, plan);
        self.database.patiently(record).await
    }

    async fn remove(
        &self,
        subject: &Subject,
        partition: Partition,
        up_to: u64,
    ) -> Result<(), Failure> {
        let table = self.database.table(partition.shelf.class);
        let (name, bucket) = (subject.as_bytes(), partition.bucket());
        let remove = || async {
            let stamp = self.guard.stamp()?;
            if partition.last() <= up_to {
                return self.database.write(&table.drop, (stamp, name, bucket)).await.map(drop);
            }
            let row = (name, bucket, 0_i64, signed(up_to));
            self.database.write_all(&table.void, &[row], stamp).await
        };
        self.database.patiently(remove).await
    }

    /// Deletes what the database does not forget by itself.
    pub async fn reclaim(&self, now: Timestamp) -> Result<Reclaimed, ReadError> {
        self.reclaim_due(now).await.map_err(Failure::read_error)
    }

    async fn reclaim_due(&self, now: Timestamp) -> Result<Reclaimed, Failure> {
        let mut reclaimed = Reclaimed::default();
        let Some(period) = self.facts.first_due(now) else { return Ok(reclaimed) };
        self.facts.forget_due(period);
        let statements = &self.database.statements;
        let due: Vec<(Vec<u8>, i64)> =
            self.database.rows(&statements.due.some, (period, DUE)).await?;
        let is_last = due.len() < DUE.unsigned_abs() as usize;
        for (subject, bucket) in due {
            if let (Ok(subject), Some(partition)) =
                (Subject::from_bytes(&subject), Partition::read(bucket, Class::Endless.number()))
            {
                let (messages, bytes) = self.reclaim_partition(&subject, partition, now).await?;
                reclaimed.messages += messages;
                reclaimed.bytes += bytes;
            }
            let values = (self.guard.stamp()?, period, &subject, bucket);
            self.database.write(&statements.due.drop, values).await?;
        }
        if is_last {
            self.facts.end_period(period, &self.guard).await?;
        }
        self.guard.confirm().await?;
        reclaimed.more = self.facts.first_due(now).is_some();
        Ok(reclaimed)
    }

    async fn reclaim_partition(
        &self,
        subject: &Subject,
        partition: Partition,
        now: Timestamp,
    ) -> Result<(u64, u64), Failure> {
        self.places.get(&self.database, &self.guard, subject).await?;
        let table = self.database.table(Class::Endless);
        let (name, bucket) = (subject.as_bytes(), partition.bucket());
        let values = (name, bucket, 0_i64, i64::MAX, ROWS);
        let rows: Vec<(i64, Option<i64>, Option<i32>)> =
            self.database.rows(&table.tally, values).await?;
        let is_dead = |at: Option<i64>| at.is_some_and(|at| at <= now.0);
        let dead: Vec<_> = rows.into_iter().filter(|(_, at, _)| is_dead(*at)).collect();
        if dead.is_empty() {
            return Ok((0, 0));
        }
        let rows: Vec<_> = dead.iter().map(|(id, ..)| (name, bucket, *id)).collect();
        self.database.write_all(&table.delete, &rows, self.guard.stamp()?).await?;
        let bytes = dead.iter().map(|(_, _, size)| u64::from(size.unwrap_or(0).unsigned_abs()));
        Ok((dead.len() as u64, bytes.sum()))
    }
}
