//! The owner's row.
//!
//! What writes messages locks the row for sharing in the same statement; a take-over changes it, so it
//! waits for statements under way, and what comes later finds another epoch and writes nothing. Signs of
//! life go to a row of their own, so that they wait for no writer.

use super::{
    connector::Connector,
    failure::{Failure, Kind},
    session::{Param, Session},
    statements::{SHARD, Statements},
};
use crate::ownership::{BoxFuture, OwnerRow, RowError, Seen};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};

/// The row of one schema, over a connection of its own.
pub struct PostgresOwner(Arc<Inner>);

struct Inner {
    connector: Arc<Connector>,
    /// Taken out while it is asked, so that it is ended if a call is given up half-way.
    session: Mutex<Option<Session>>,
    statements: Arc<Statements>,
    holder: String,
}

const LOOK: &str = "SELECT o.epoch, h.beat, h.is_free, o.lease_ms, o.holder \
    FROM {s}.owner AS o JOIN {s}.heartbeat AS h USING (shard) WHERE shard = $1";

// A take-over that was faster changed the heartbeat first.
const TAKE: &str = "WITH beaten AS (UPDATE {s}.heartbeat SET epoch = epoch + 1, beat = beat + 1, \
    is_free = false WHERE shard = $1 AND epoch = $2 AND beat = $3 RETURNING 1) \
    UPDATE {s}.owner SET epoch = epoch + 1, holder = $4, lease_ms = $5 \
    WHERE shard = $1 AND epoch = $2 AND EXISTS (SELECT FROM beaten)";

const RENEW: &str = "UPDATE {s}.heartbeat SET beat = beat + 1 WHERE shard = $1 AND epoch = $2";

const RELEASE: &str =
    "UPDATE {s}.heartbeat SET beat = beat + 1, is_free = true WHERE shard = $1 AND epoch = $2";

impl PostgresOwner {
    /// The row, for an owner of that name.
    pub fn new(connector: Arc<Connector>, statements: Arc<Statements>, holder: String) -> Self {
        Self(Arc::new(Inner { connector, session: Mutex::new(None), statements, holder }))
    }
}

impl OwnerRow for PostgresOwner {
    fn look(&self) -> BoxFuture<'static, Result<Seen, RowError>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.look().await })
    }

    fn take(&self, seen: Seen) -> BoxFuture<'static, Result<Option<i64>, RowError>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.take(&seen).await })
    }

    fn renew(&self, epoch: i64) -> BoxFuture<'static, Result<bool, RowError>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.beat(RENEW, epoch).await })
    }

    fn release(&self, epoch: i64) -> BoxFuture<'static, Result<(), RowError>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.beat(RELEASE, epoch).await.map(drop) })
    }
}

impl Inner {
    async fn session(&self) -> Result<Session, RowError> {
        let idle = self.session.lock().take().filter(|session| !session.is_over());
        match idle {
            Some(session) => Ok(session),
            None => self.connector.connect().await.map_err(row_error),
        }
    }

    fn put_back(&self, session: Session) {
        if !session.is_over() {
            *self.session.lock() = Some(session);
        }
    }

    async fn look(&self) -> Result<Seen, RowError> {
        let look = self.statements.of(LOOK);
        let mut session = self.session().await?;
        let rows = session.query(&look, &[&SHARD]).await;
        self.put_back(session);
        let rows = rows.map_err(row_error)?;
        let row =
            rows.first().ok_or_else(|| RowError::Failed("the owner's row is missing".into()))?;
        Ok(Seen {
            epoch: row.get(0),
            beat: row.get(1),
            is_free: row.get(2),
            lease: Duration::from_millis(u64::try_from(row.get::<_, i64>(3)).unwrap_or(0)),
            owner: row.get(4),
        })
    }

    async fn take(&self, seen: &Seen) -> Result<Option<i64>, RowError> {
        let take = self.statements.of(TAKE);
        let lease = i64::try_from(self.connector.times().lease.as_millis()).unwrap_or(i64::MAX);
        let params: [Param<'_>; 5] = [&SHARD, &seen.epoch, &seen.beat, &self.holder, &lease];
        let mut session = self.session().await?;
        let taken = session.execute(&take, &params).await;
        self.put_back(session);
        Ok((taken.map_err(row_error)? == 1).then_some(seen.epoch + 1))
    }

    async fn beat(&self, words: &str, epoch: i64) -> Result<bool, RowError> {
        let words = self.statements.of(words);
        let mut session = self.session().await?;
        let changed = session.execute(&words, &[&SHARD, &epoch]).await;
        self.put_back(session);
        Ok(changed.map_err(row_error)? == 1)
    }
}

fn row_error(failure: Failure) -> RowError {
    match failure.kind {
        Kind::Setup | Kind::Row | Kind::There | Kind::NoTable => RowError::Failed(failure.text),
        Kind::Full | Kind::Busy | Kind::Unavailable | Kind::Unknown => RowError::Away(failure.text),
    }
}
