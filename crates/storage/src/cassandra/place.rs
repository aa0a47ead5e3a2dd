//! A subject in use.

use super::{
    catalog,
    database::Database,
    failure::Failure,
    guard::Guard,
    ledger::{Ledger, Record},
    shelf::{Partition, signed},
};
use broker_core::Subject;
use parking_lot::Mutex;

/// Partitions of the table of subjects.
pub const SLOTS: i32 = 64;

/// A subject and what is known of its ids.
pub struct Place {
    pub subject: Subject,
    pub ledger: Mutex<Ledger>,
}

/// The partition of `subjects` in which a subject's row lies. Must never change.
pub fn slot(subject: &Subject) -> i32 {
    (crc32c::crc32c(subject.as_bytes()) % SLOTS.unsigned_abs()).cast_signed()
}

impl Place {
    pub fn new(subject: Subject, last: u64) -> Self {
        Self { subject, ledger: Mutex::new(Ledger::new(last, Database::now())) }
    }

    /// The last id that was stored.
    pub fn last(&self) -> u64 {
        self.ledger.lock().last()
    }

    /// Has the database reserve ids up to `reserve`, and know of partitions.
    pub async fn prepare(
        &self,
        database: &Database,
        guard: &Guard,
        reserve: Option<u64>,
        partitions: &[Partition],
    ) -> Result<(), Failure> {
        let reserving = async {
            match reserve {
                Some(reserve) => self.reserve(database, guard, reserve).await,
                None => Ok(()),
            }
        };
        let entering = async {
            if partitions.is_empty() {
                return Ok(());
            }
            let now = Database::now();
            let enter = || async {
                catalog::enter(database, &self.subject, partitions, guard.stamp()?).await
            };
            database.patiently(enter).await?;
            self.ledger.lock().entered(partitions, now);
            Ok(())
        };
        let (reserved, entered) = tokio::join!(reserving, entering);
        reserved.and(entered)?;
        // What a new owner does not see must not be used: it looked after this lease was over.
        guard.confirm().await
    }

    async fn reserve(
        &self,
        database: &Database,
        guard: &Guard,
        reserve: u64,
    ) -> Result<(), Failure> {
        let plan = |ledger: &mut Ledger| ledger.plan(reserve);
        database.patiently(|| self.record(database, guard, plan)).await
    }

    /// Writes the row that is planned at this moment.
    pub async fn record(
        &self,
        database: &Database,
        guard: &Guard,
        plan: impl Fn(&mut Ledger) -> Record,
    ) -> Result<(), Failure> {
        let now = Database::now();
        let (stamp, record) = {
            let mut ledger = self.ledger.lock();
            // In the order of their plans.
            (guard.stamp()?, plan(&mut ledger))
        };
        write(database, &self.subject, record, stamp).await?;
        self.ledger.lock().written(stamp, record, now);
        Ok(())
    }
}

/// Writes a subject's row.
pub async fn write(
    database: &Database,
    subject: &Subject,
    record: Record,
    stamp: i64,
) -> Result<(), Failure> {
    let values = (
        slot(subject),
        subject.as_bytes(),
        signed(record.reserved),
        signed(record.settled),
        signed(record.last),
        stamp,
    );
    database.write(&database.statements.subjects.record, values).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_has_the_slot_it_always_had() {
        let of = |name: &str| slot(&Subject::new(name).unwrap());
        assert_eq!([of("a"), of("orders"), of("日本")], [48, 10, 9]);
        assert!((0..1_000).all(|n| (0..SLOTS).contains(&of(&format!("s{n}")))));
    }
}
