//! One connection, what is prepared on it, and how long it waits.

use super::{
    connector::Connector,
    failure::{Failure, Kind},
};
use crate::Activity;
use bytes::Bytes;
use futures_util::SinkExt;
use std::{collections::HashMap, pin::pin, sync::Arc, time::Duration};
use tokio::{task::AbortHandle, time::timeout};
use tokio_postgres::{
    Client, Row, Statement,
    types::{ToSql, Type},
};

/// Statements prepared on one connection; beyond them all are let go. Each table of messages in use
/// brings a few.
const PREPARED: usize = 128;

/// A statement's parameter.
pub type Param<'a> = &'a (dyn ToSql + Sync);

/// A connection. Dropping it ends it.
pub struct Session {
    client: Client,
    prepared: HashMap<String, Statement>,
    limit: Duration,
    activity: Arc<Activity>,
    is_over: bool,
    /// Asked, and not answered: whoever gave up waiting leaves it in a state that nobody can use.
    owes: bool,
    connection: AbortHandle,
}

impl Session {
    /// Over a connection that is run by a task.
    pub fn new(connector: &Connector, client: Client, connection: AbortHandle) -> Self {
        // The server ends a statement at its limit; its word is waited for a little longer.
        let limit = connector.times().statement + Duration::from_millis(500);
        let activity = connector.activity();
        activity.count_opened();
        Self {
            client,
            prepared: HashMap::new(),
            limit,
            activity,
            is_over: false,
            owes: false,
            connection,
        }
    }

    /// Whether it can be used no more.
    pub fn is_over(&self) -> bool {
        self.is_over || self.owes || self.client.is_closed()
    }

    /// Runs words without parameters, several statements too.
    pub async fn batch(&mut self, words: &str) -> Result<(), Failure> {
        self.owes = true;
        self.activity.count_statements(words.matches(';').count().max(1) as u64);
        let answer = timeout(self.limit, self.client.batch_execute(words)).await;
        self.settle(answer, Failure::of)
    }

    /// Runs a statement that gives rows and changes nothing.
    pub async fn query(&mut self, words: &str, params: &[Param<'_>]) -> Result<Vec<Row>, Failure> {
        self.rows(words, params, Failure::harmless).await
    }

    /// Runs a statement that gives rows and may change something.
    pub async fn change(&mut self, words: &str, params: &[Param<'_>]) -> Result<Vec<Row>, Failure> {
        self.rows(words, params, Failure::of).await
    }

    async fn rows(
        &mut self,
        words: &str,
        params: &[Param<'_>],
        failure: fn(&tokio_postgres::Error) -> Failure,
    ) -> Result<Vec<Row>, Failure> {
        let statement = self.prepare(words).await?;
        self.owes = true;
        self.activity.count_statements(1);
        let answer = timeout(self.limit, self.client.query(&statement, params)).await;
        self.settle(answer, failure)
    }

    /// Runs a statement that changes rows; answers how many.
    pub async fn execute(&mut self, words: &str, params: &[Param<'_>]) -> Result<u64, Failure> {
        let statement = self.prepare(words).await?;
        self.owes = true;
        self.activity.count_statements(1);
        let answer = timeout(self.limit, self.client.execute(&statement, params)).await;
        self.settle(answer, Failure::of)
    }

    /// Copies rows into a table by a statement that takes them in the binary form; answers how many.
    pub async fn copy(&mut self, words: &str, rows: Vec<Bytes>) -> Result<u64, Failure> {
        let statement = self.prepare(words).await?;
        self.owes = true;
        self.activity.count_statements(1);
        let copying = async {
            let mut sink = pin!(self.client.copy_in(&statement).await?);
            for part in rows {
                sink.feed(part).await?;
            }
            sink.finish().await
        };
        let answer = timeout(self.limit, copying).await;
        self.settle(answer, Failure::of)
    }

    /// Runs words once, without keeping a prepared form of them.
    pub async fn once(
        &mut self,
        words: &str,
        params: &[(Param<'_>, Type)],
    ) -> Result<Vec<Row>, Failure> {
        self.owes = true;
        self.activity.count_statements(1);
        let answer = timeout(self.limit, self.client.query_typed(words, params)).await;
        self.settle(answer, Failure::of)
    }

    /// Nothing is done by preparing, so no failure of it is unknown.
    async fn prepare(&mut self, words: &str) -> Result<Statement, Failure> {
        if let Some(statement) = self.prepared.get(words) {
            return Ok(statement.clone());
        }
        self.owes = true;
        self.activity.count_statements(1);
        let answer = timeout(self.limit, self.client.prepare(words)).await;
        let statement = match self.settle(answer, Failure::harmless) {
            Err(failure) if failure.kind == Kind::Unknown => {
                return Err(Failure::away(failure.text));
            }
            answer => answer?,
        };
        if self.prepared.len() >= PREPARED {
            self.prepared.clear();
        }
        self.prepared.insert(words.to_owned(), statement.clone());
        Ok(statement)
    }

    fn settle<T>(
        &mut self,
        answer: Result<Result<T, tokio_postgres::Error>, tokio::time::error::Elapsed>,
        failure: impl Fn(&tokio_postgres::Error) -> Failure,
    ) -> Result<T, Failure> {
        self.owes = false;
        let failure = match answer {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => failure(&error),
            Err(_) => Failure::late(),
        };
        // A plan that no longer fits is prepared anew.
        self.prepared.clear();
        self.is_over |= failure.ends_session();
        Err(failure)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.activity.count_closed();
        self.connection.abort();
    }
}
