//! What holds for the whole store: the shelves in use, so that a read asks no empty table, and the
//! periods of which `due` has rows.

use super::{
    database::Database,
    failure::Failure,
    guard::Guard,
    owner::SHARD,
    register,
    shelf::{Partition, Shelf},
};
use broker_core::{Message, Timestamp};
use parking_lot::Mutex;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

const SHELF: &str = "shelf";
pub const PERIOD: &str = "period";
/// A period of `due`: 30 days.
const PERIOD_NS: i64 = 30 * 24 * 60 * 60 * 1_000_000_000;
/// Rows of `due` that are remembered as written.
const NOTED: usize = 4_096;

/// The facts as the database has them.
pub struct Facts {
    database: Arc<Database>,
    /// One bit for each shelf, by its number.
    shelves: AtomicU8,
    due: Mutex<Due>,
}

#[derive(Default)]
struct Due {
    periods: BTreeSet<i32>,
    noted: BTreeSet<(i32, Vec<u8>, i64)>,
}

/// What the table said when the store was opened.
pub struct Loaded {
    pub facts: Facts,
    pub kept_time: Timestamp,
}

/// The period in which a moment lies.
pub fn period(at: Timestamp) -> i32 {
    i32::try_from(at.0.div_euclid(PERIOD_NS)).unwrap_or(i32::MAX)
}

/// Whether all of a period is over.
pub fn is_over(period: i32, now: Timestamp) -> bool {
    (i64::from(period) + 1).checked_mul(PERIOD_NS).map_or(now.0 == i64::MAX, |end| end <= now.0)
}

impl Facts {
    /// Reads them.
    pub async fn load(database: Arc<Database>) -> Result<Loaded, Failure> {
        let take = |row: (String, i64, Option<Vec<u8>>)| row;
        let rows = database.read(&database.statements.facts.all, (SHARD,), take).await?;
        let (mut shelves, mut due, mut kept_time) = (0, Due::default(), Timestamp::MIN);
        for (kind, number, value) in rows {
            match (kind.as_str(), value) {
                (register::KIND, Some(value)) => {
                    kept_time = register::decode(&value)
                        .ok_or_else(|| Failure::Refused("the kept time is damaged".into()))?;
                }
                (SHELF, _) => {
                    shelves |= Shelf::numbered(number).map_or(0, |shelf| 1 << shelf.number());
                }
                (PERIOD, _) => {
                    due.periods.extend(i32::try_from(number));
                }
                _ => {}
            }
        }
        let shelves = AtomicU8::new(shelves);
        Ok(Loaded { facts: Self { database, shelves, due: Mutex::new(due) }, kept_time })
    }

    /// The shelves that may hold something.
    pub fn shelves(&self) -> impl Iterator<Item = Shelf> + use<> {
        let shelves = self.shelves.load(Ordering::Acquire);
        Shelf::all().filter(move |shelf| shelves & (1 << shelf.number()) != 0)
    }

    /// Has the database know that this shelf is in use. Whether it did not before.
    pub async fn use_shelf(&self, shelf: Shelf, guard: &Guard) -> Result<bool, Failure> {
        let bit = 1 << shelf.number();
        if self.shelves.load(Ordering::Acquire) & bit != 0 {
            return Ok(false);
        }
        self.note(SHELF, i64::from(shelf.number()), guard).await?;
        self.shelves.fetch_or(bit, Ordering::AcqRel);
        Ok(true)
    }

    async fn note(&self, kind: &str, number: i64, guard: &Guard) -> Result<(), Failure> {
        let statement = &self.database.statements.facts.note;
        self.database
            .patiently(|| async {
                let values = (SHARD, kind, number, guard.stamp()?);
                self.database.write(statement, values).await.map(drop)
            })
            .await
    }

    /// Has the database know when to look at this message of the endless table, if it ever expires.
    pub async fn note_due(
        &self,
        message: &Message,
        partition: Partition,
        guard: &Guard,
    ) -> Result<(), Failure> {
        let Some(expires_at) = message.expires_at else { return Ok(()) };
        let period = period(expires_at);
        let key = (period, message.subject.as_bytes().to_vec(), partition.bucket());
        let is_new = {
            let due = self.due.lock();
            if due.noted.contains(&key) {
                return Ok(());
            }
            !due.periods.contains(&period)
        };
        if is_new {
            self.note(PERIOD, i64::from(period), guard).await?;
        }
        let statement = &self.database.statements.due.note;
        self.database
            .patiently(|| async {
                let values = (period, &key.1, key.2, guard.stamp()?);
                self.database.write(statement, values).await.map(drop)
            })
            .await?;
        let mut due = self.due.lock();
        due.periods.insert(period);
        if due.noted.len() >= NOTED {
            due.noted.clear();
        }
        due.noted.insert(key);
        Ok(())
    }

    /// The first period that is over and has rows in `due`.
    pub fn first_due(&self, now: Timestamp) -> Option<i32> {
        self.due.lock().periods.first().copied().filter(|period| is_over(*period, now))
    }

    /// What is noted of a period is done with.
    pub fn forget_due(&self, period: i32) {
        self.due.lock().noted.retain(|(of, ..)| *of != period);
    }

    /// Nothing is left of a period.
    pub async fn end_period(&self, period: i32, guard: &Guard) -> Result<(), Failure> {
        let values = (guard.stamp()?, SHARD, PERIOD, i64::from(period));
        self.database.write(&self.database.statements.facts.drop, values).await?;
        self.due.lock().periods.remove(&period);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_over_when_its_last_message_has_expired() {
        for at in [Timestamp::MIN, Timestamp(-1), Timestamp(0), Timestamp(PERIOD_NS - 1)] {
            assert!(!is_over(period(at), at), "{at}");
            assert!(is_over(period(at), Timestamp(at.0 + PERIOD_NS)));
        }
        assert!(is_over(period(Timestamp(i64::MAX)), Timestamp(i64::MAX)));
    }
}
