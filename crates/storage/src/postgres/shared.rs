//! What all parts of the store use.

use super::{
    catalog::{Catalog, Snapshot},
    connector::Connector,
    failure::{Failure, Kind},
    health::Health,
    inbox::Inbox,
    pool::Pool,
    session::{Param, Session},
    statements::{SHARD, Statements},
};
use crate::{
    DatabaseTimes,
    ownership::{Lease, LeaseError},
};
use broker_core::{AppendError, ReadError, Timestamp, Writable};
use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicUsize, Ordering},
};
use tokio_postgres::Row;

/// Times that a read is tried again.
const TRIES: u32 = 4;

/// The store's parts.
pub struct Shared {
    /// Texts of statements.
    pub statements: Arc<Statements>,
    /// Opens connections.
    pub connector: Arc<Connector>,
    /// The tables of messages.
    pub catalog: Catalog,
    /// What waits to be written.
    pub inbox: Inbox,
    /// How the database does.
    pub health: Health,
    /// Connections that read.
    pub readers: Pool,
    /// Connections that purge, give back space and keep the time.
    pub upkeep: Pool,
    /// Held while a table is made.
    pub making: tokio::sync::Mutex<()>,
    /// The right to write.
    pub lease: Lease,
    /// The latest time that is kept.
    pub kept: AtomicI64,
    /// What a message of the last page weighed in the mean, in bytes: how many the next one is asked for.
    pub page_weight: AtomicUsize,
}

impl Shared {
    /// Times of waiting.
    pub fn times(&self) -> DatabaseTimes {
        self.connector.times()
    }

    /// Whether appends can succeed, by what writers heard last or, where nobody writes, by the owner's
    /// signs of life.
    pub fn writable(&self) -> Writable {
        let (word, heard) = self.health.last_word();
        self.lease.latest(word, heard)
    }

    /// A time is kept with the data.
    pub fn raise_kept(&self, to: Timestamp) {
        self.kept.fetch_max(to.0, Ordering::AcqRel);
    }

    /// What the owner's fence found: another owner.
    pub fn fenced(&self) {
        self.lease.lose("another broker took over: its epoch stands in the owner's row");
    }

    /// Whether this process was the owner when it wrote nothing: epochs only grow, so whoever still is
    /// the owner was.
    pub async fn is_owner(&self, session: &mut Session) -> Result<bool, Failure> {
        let words = self.statements.of("SELECT epoch FROM {s}.owner WHERE shard = $1");
        let rows = session.query(&words, &[&SHARD]).await?;
        Ok(rows.first().is_some_and(|row| row.get::<_, i64>(0) == self.lease.epoch()))
    }

    /// Asks a statement over the tables as they are, again where one was dropped or somebody was in the
    /// way meanwhile; `None` for words: there is nothing to ask.
    pub async fn read(
        &self,
        words: impl Fn(&Snapshot) -> Option<&str> + Send + Sync,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, Failure> {
        let mut tries = 0;
        loop {
            let snapshot = self.catalog.snapshot();
            let Some(words) = words(&snapshot) else { return Ok(Vec::new()) };
            let mut session = self.readers.take().await?;
            match session.query(words, params).await {
                Err(failure)
                    if matches!(failure.kind, Kind::NoTable | Kind::Busy) && tries < TRIES =>
                {
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Before a reader is answered.
    pub async fn confirm_read<T>(&self, answer: Result<T, Failure>) -> Result<T, ReadError> {
        let value = answer.map_err(Failure::read)?;
        match self.lease.confirm().await {
            Ok(()) => Ok(value),
            Err(LeaseError::Fenced) => Err(ReadError::Fenced),
            Err(LeaseError::Away(why)) => Err(ReadError::Unavailable(why)),
        }
    }

    /// Before whoever changed something is answered: `Some` is how many rows changed, `None` that
    /// another broker is the owner.
    pub async fn confirm_change<T>(
        &self,
        answer: Result<Option<T>, Failure>,
    ) -> Result<T, AppendError> {
        let Some(value) = answer.map_err(Failure::append)? else {
            self.fenced();
            return Err(AppendError::Fenced);
        };
        match self.lease.confirm().await {
            Ok(()) => Ok(value),
            // It is done, but no longer this broker's to tell.
            Err(error) => Err(AppendError::Unknown(error.to_string())),
        }
    }

    /// A change of which nothing is known to have been done is as good as not begun.
    pub fn not_begun(failure: Failure) -> Failure {
        match failure.kind {
            Kind::Unknown => Failure::away(failure.text),
            _ => failure,
        }
    }
}
