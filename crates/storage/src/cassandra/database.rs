//! The driver's session, and how this store asks.

use super::{failure::Failure, outage::Outage, shelf::Class, statements::Statements};
use crate::{Activity, DatabaseTimes};
use broker_core::{SystemTime, TimeSource, Writable};
use parking_lot::Mutex;
use scylla::{
    client::session::Session,
    deserialize::row::DeserializeRow,
    errors::ExecutionError,
    response::query_result::QueryResult,
    serialize::row::SerializeRow,
    statement::{
        batch::{Batch, BatchType},
        prepared::PreparedStatement,
    },
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Pause before a statement is asked again that never left.
const PAUSE: Duration = Duration::from_millis(25);

/// A connected cluster whose tables are there.
pub struct Database {
    pub session: Session,
    pub statements: Statements,
    pub activity: Arc<Activity>,
    pub times: DatabaseTimes,
    /// Whether the last write succeeded, and when that was heard.
    word: Mutex<(Writable, Instant)>,
    outage: Outage,
}

impl Database {
    pub fn new(
        session: Session,
        statements: Statements,
        activity: Arc<Activity>,
        times: DatabaseTimes,
    ) -> Self {
        let word = Mutex::new((Writable::Yes, Instant::now()));
        Self { session, statements, activity, times, word, outage: Outage::default() }
    }

    /// Whether writes succeed, and when that was heard.
    pub fn last_word(&self) -> (Writable, Instant) {
        self.word.lock().clone()
    }

    /// Time that passes, also while the machine sleeps.
    pub fn now() -> Duration {
        SystemTime.monotonic()
    }

    /// Runs one statement that writes.
    pub async fn write(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<QueryResult, Failure> {
        self.activity.count_statements(1);
        let result = self.session.execute_unpaged(statement, values).await;
        self.note(result)
    }

    /// Writes rows of one partition, with one timestamp.
    pub async fn write_all<T: SerializeRow>(
        &self,
        statement: &PreparedStatement,
        rows: &[T],
        stamp: i64,
    ) -> Result<(), Failure> {
        let statements = rows.iter().map(|_| statement.clone().into()).collect();
        let mut batch = Batch::new_with_statements(BatchType::Unlogged, statements);
        batch.set_timestamp(Some(stamp));
        self.activity.count_statements(rows.len() as u64);
        let result = self.session.batch(&batch, rows).await;
        self.note(result.map(drop))
    }

    fn note<T>(&self, result: Result<T, ExecutionError>) -> Result<T, Failure> {
        let result = self.hear(result);
        let word = match &result {
            Err(Failure::NotDone(why) | Failure::Unknown(why)) => {
                Writable::Unavailable(why.clone())
            }
            Ok(_) | Err(Failure::Refused(_) | Failure::Fenced) => Writable::Yes,
        };
        *self.word.lock() = (word, Instant::now());
        result
    }

    fn hear<T>(&self, result: Result<T, ExecutionError>) -> Result<T, Failure> {
        let result = result.map_err(Failure::from);
        self.outage.heard(&result, Self::now());
        result
    }

    /// Rows of a query that is bounded by itself; asked again while it cannot leave.
    pub async fn rows<T>(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<Vec<T>, Failure>
    where
        T: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata>,
    {
        self.read(statement, values, |row: T| row).await
    }

    /// As [`Database::rows`], with rows that borrow from the answer.
    pub async fn read<Row, T>(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
        mut take: impl FnMut(Row) -> T,
    ) -> Result<Vec<T>, Failure>
    where
        Row: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata>,
    {
        let ask = || async {
            self.activity.count_statements(1);
            let asked = self.session.execute_unpaged(statement, &values).await;
            // A query changes nothing, whatever became of it.
            self.hear(asked).map_err(|failure| match failure {
                Failure::Unknown(why) => Failure::NotDone(why),
                failure => failure,
            })
        };
        let result = self.patiently(ask).await?.into_rows_result().map_err(odd)?;
        let mut rows = Vec::with_capacity(result.rows_num());
        for row in result.rows::<Row>().map_err(odd)? {
            rows.push(take(row.map_err(odd)?));
        }
        Ok(rows)
    }

    /// Asks again and again while the statement does not even leave, for as long as somebody may wait; once
    /// if that was waited for in vain already.
    pub async fn patiently<F, T>(&self, ask: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let (patience, begun) = (self.times.unavailable, Self::now());
        loop {
            let result = ask().await;
            let now = Self::now();
            let is_late = now >= begun + patience || self.outage.has_lasted(patience, now);
            if is_late || !matches!(result, Err(Failure::NotDone(_))) {
                return result;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The statements of a class's table.
    pub fn table(&self, class: Class) -> &super::statements::Table {
        self.statements.table(class)
    }
}

/// An answer that is not what was asked for.
pub fn odd(error: impl std::fmt::Display) -> Failure {
    Failure::Refused(format!("the database's answer is not as expected: {error}"))
}
