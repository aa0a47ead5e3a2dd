//! Listing subjects, in the order of their bytes, out of the partitions over which they are spread.

use super::{
    failure::Failure,
    place::SLOTS,
    reading::Reader,
    settling::{self, Columns, Row},
    together,
};
use broker_core::{MessageId, ReadError, Subject, SubjectSummary};
use futures_util::future::try_join_all;
use scylla::value::CqlTimestamp;
use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
};

/// Subjects that are settled at once.
const AT_ONCE: usize = 64;

/// A row with its subject.
type Named =
    (Vec<u8>, Option<i64>, Option<i64>, Option<i64>, Option<CqlTimestamp>, Option<CqlTimestamp>);

/// A slot's rows that are read and not listed yet, and where to read on.
#[derive(Default)]
struct Slot {
    rows: VecDeque<(Subject, Row)>,
    after: Option<Subject>,
    is_over: bool,
}

impl Reader {
    pub async fn subjects(
        &self,
        from: Bound<Subject>,
        limit: usize,
    ) -> Result<Vec<SubjectSummary>, ReadError> {
        self.list(from, limit).await.map_err(Failure::read_error)
    }

    async fn list(
        &self,
        from: Bound<Subject>,
        limit: usize,
    ) -> Result<Vec<SubjectSummary>, Failure> {
        let mut slots: BTreeMap<i32, Slot> =
            (0..SLOTS).map(|slot| (slot, Slot::default())).collect();
        let mut listed = Vec::new();
        // A little more than each slot's share, so that most listings need one round.
        let share = limit / SLOTS.unsigned_abs() as usize;
        let rows = i32::try_from(share + share / 4 + 2).unwrap_or(i32::MAX).min(1_000);
        while listed.len() < limit {
            self.fill(&mut slots, &from, rows).await?;
            let next = self.next(&mut slots, limit - listed.len());
            if next.is_empty() {
                break;
            }
            listed.extend(self.settle(next).await?);
        }
        self.guard.confirm().await?;
        Ok(listed)
    }

    /// Reads on where nothing is left.
    async fn fill(
        &self,
        slots: &mut BTreeMap<i32, Slot>,
        from: &Bound<Subject>,
        rows: i32,
    ) -> Result<(), Failure> {
        let empty = slots.iter_mut().filter(|(_, slot)| slot.rows.is_empty() && !slot.is_over);
        let fills = empty.map(|(number, slot)| self.read_on(*number, slot, from, rows));
        try_join_all(fills).await.map(drop)
    }

    async fn read_on(
        &self,
        number: i32,
        slot: &mut Slot,
        from: &Bound<Subject>,
        rows: i32,
    ) -> Result<(), Failure> {
        let statements = &self.database.statements;
        let (statement, name) = match (&slot.after, from) {
            (Some(after), _) | (None, Bound::Excluded(after)) => {
                (&statements.subjects.rows_after, after.as_bytes())
            }
            (None, Bound::Included(first)) => (&statements.subjects.rows_from, first.as_bytes()),
            (None, Bound::Unbounded) => (&statements.subjects.rows_from, &b""[..]),
        };
        let found: Vec<Named> = self.database.rows(statement, (number, name, rows)).await?;
        slot.is_over = found.len() < rows.unsigned_abs() as usize;
        for (name, reserved, settled, last, recorded_at, now) in found {
            let subject = Subject::from_bytes(&name)
                .map_err(|error| Failure::Refused(format!("a row's subject: {error}")))?;
            let columns: Columns = (reserved, settled, last, recorded_at, now);
            slot.after = Some(subject.clone());
            slot.rows.push_back((subject, Row::read(columns)));
        }
        Ok(())
    }

    /// The next subjects of all slots, until one of them must be read on.
    fn next(&self, slots: &mut BTreeMap<i32, Slot>, limit: usize) -> Vec<(Subject, Row)> {
        let mut next = Vec::new();
        while next.len() < limit && slots.values().all(|slot| slot.is_over || !slot.rows.is_empty())
        {
            let heads = slots.values_mut().filter(|slot| !slot.rows.is_empty());
            let first = heads.min_by(|a, b| name(a).cmp(&name(b)));
            let Some(row) = first.and_then(|slot| slot.rows.pop_front()) else { break };
            next.push(row);
        }
        next
    }

    /// Those that ever had a stored message, with their last ids.
    async fn settle(&self, rows: Vec<(Subject, Row)>) -> Result<Vec<SubjectSummary>, Failure> {
        let summaries = rows.into_iter().map(|(subject, row)| self.summary(subject, row));
        let summaries = together::all(AT_ONCE, summaries).await?;
        Ok(summaries.into_iter().filter(|it| !it.last_id.is_none()).collect())
    }

    async fn summary(&self, subject: Subject, row: Row) -> Result<SubjectSummary, Failure> {
        let last = match self.places.find(&subject) {
            Some(place) => place.last(),
            // Nothing to settle: it need not be remembered for having been listed.
            None if row.record.is_settled() => row.record.last,
            None => {
                let settle = || {
                    let (database, guard) = (self.database.clone(), self.guard.clone());
                    let subject = subject.clone();
                    async move { settling::settle(&database, &guard, &subject, Some(row)).await }
                };
                self.places.get_or(&subject, settle).await?.last()
            }
        };
        Ok(SubjectSummary { subject, last_id: MessageId(last) })
    }
}

fn name(slot: &Slot) -> Option<&Subject> {
    slot.rows.front().map(|(subject, _)| subject)
}
