//! What a database allows: a bare client that writes rows of the store's own tables, with nothing around.
//!
//! It writes into a schema or keyspace beside the store's, named like it with `_ceiling` behind, which
//! is made anew and removed at the end.

#[cfg(feature = "cassandra")]
use crate::cassandra::ceiling as cassandra;
#[cfg(feature = "postgres")]
use crate::postgres::ceiling as postgres;
use crate::{OpenError, StorageConfig};
use broker_core::{Headers, Message, MessageId, Subject, SystemTime, TimeSource, Timestamp};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Behind the name of the store's schema or keyspace.
const SUFFIX: &str = "_ceiling";

/// The rows that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Bytes of a message's body.
    pub body_bytes: usize,
    /// How long a message lives.
    pub lifetime: Duration,
    /// Subjects that the rows go round. At least 1.
    pub subjects: usize,
}

/// What a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The one that the store writes with.
    OfStore,
    /// PostgreSQL: INSERT from arrays, without the store's fence.
    Insert,
    /// PostgreSQL: COPY in the binary format.
    Copy,
    /// Cassandra: an unlogged batch within one partition.
    Batch,
}

/// A way of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// What a statement is.
    pub form: Form,
    /// Rows of a statement. At least 1.
    pub rows: usize,
    /// Statements under way at once. At least 1.
    pub under_way: usize,
}

impl Way {
    /// One row at a time, by one client.
    pub const LONE: Self = Self::new(Form::OfStore, 1, 1);

    /// A way.
    #[must_use]
    pub const fn new(form: Form, rows: usize, under_way: usize) -> Self {
        Self { form, rows, under_way }
    }

    /// All combinations.
    pub(crate) fn all(form: Form, rows: &[usize], under_way: &[usize]) -> Vec<Self> {
        let each =
            rows.iter().flat_map(|rows| under_way.iter().map(move |at_once| (rows, at_once)));
        each.map(|(rows, at_once)| Self::new(form, *rows, *at_once)).collect()
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = match self.form {
            Form::OfStore => "the store's statement",
            Form::Insert => "INSERT from arrays",
            Form::Copy => "binary COPY",
            Form::Batch => "batch",
        };
        let plural = if self.rows == 1 { "" } else { "s" };
        write!(f, "{form} of {} row{plural}, {} under way", self.rows, self.under_way)
    }
}

/// A bare client, which has one statement under way at a time.
pub trait BareClient: Send {
    /// Writes a statement's rows; done when the database says that they are safe.
    ///
    /// # Errors
    /// What the database or the driver said.
    fn write(&mut self) -> BoxFuture<'_, Result<(), String>>;
}

/// A database that bare clients write to.
pub(crate) trait Bare: Send + Sync {
    /// Every way that is worth a try; those for which it has not enough connections are left out.
    fn ways(&self) -> Vec<Way>;

    /// The way that is known to bring most rows a second.
    fn bulk(&self) -> Way;

    /// As many clients as statements are to be under way, on a table without rows.
    fn clients(&self, way: Way) -> BoxFuture<'_, Result<Vec<Box<dyn BareClient>>, String>>;
}

/// The place in which bare clients write. Dropping it removes the place.
pub struct Ceiling {
    bare: Box<dyn Bare>,
    removal: Removal,
}

impl Ceiling {
    /// Makes the place, beside that of the store with this configuration.
    ///
    /// # Errors
    /// One sentence on what stands against it; a store that is over no database has no such ceiling.
    pub async fn open(store: StorageConfig, sample: Sample) -> Result<Self, OpenError> {
        let place = beside(store)?;
        remove(place.clone()).await?;
        let removal = Removal(Some(place.clone()));
        let rows = Rows::new(sample)?;
        let bare: Box<dyn Bare> = match place {
            #[cfg(feature = "postgres")]
            StorageConfig::Postgres(config) => Box::new(postgres::open(config, rows).await?),
            #[cfg(feature = "cassandra")]
            StorageConfig::Cassandra(config) => Box::new(cassandra::open(config, rows).await?),
            StorageConfig::Memory(_) | StorageConfig::Local(_) => return Err(no_database()),
        };
        Ok(Self { bare, removal })
    }

    /// Every way that is worth a try; those for which the database has not enough connections are left
    /// out.
    #[must_use]
    pub fn ways(&self) -> Vec<Way> {
        self.bare.ways()
    }

    /// The way that is known to bring most rows a second.
    #[must_use]
    pub fn bulk(&self) -> Way {
        self.bare.bulk()
    }

    /// As many clients as statements are to be under way, on a table without rows but those of one
    /// statement of each client, which is prepared by it.
    ///
    /// # Errors
    /// One sentence on what stands against it.
    pub async fn clients(&self, way: Way) -> Result<Vec<Box<dyn BareClient>>, OpenError> {
        let failed = |why| OpenError::Database(format!("{way}: {why}"));
        let mut clients = self.bare.clients(way).await.map_err(failed)?;
        for client in &mut clients {
            client.write().await.map_err(failed)?;
        }
        Ok(clients)
    }

    /// Removes the place.
    ///
    /// # Errors
    /// One sentence on what stands against it.
    pub async fn close(mut self) -> Result<(), OpenError> {
        match self.removal.0.take() {
            Some(place) => remove(place).await,
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Ceiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ceiling").finish_non_exhaustive()
    }
}

/// Removes a place when it is dropped, unless that was done.
struct Removal(Option<StorageConfig>);

impl Drop for Removal {
    fn drop(&mut self) {
        let Some(place) = self.0.take() else { return };
        // The runtime of whoever drops it cannot be waited for here.
        let removing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(remove(place)))
        });
        // Nobody is left to be told.
        let _ = removing.join();
    }
}

/// The same database, with another schema or keyspace.
fn beside(store: StorageConfig) -> Result<StorageConfig, OpenError> {
    match store {
        #[cfg(feature = "postgres")]
        StorageConfig::Postgres(mut config) => {
            config.schema += SUFFIX;
            Ok(StorageConfig::Postgres(config))
        }
        #[cfg(feature = "cassandra")]
        StorageConfig::Cassandra(mut config) => {
            config.keyspace += SUFFIX;
            Ok(StorageConfig::Cassandra(config))
        }
        StorageConfig::Memory(_) | StorageConfig::Local(_) => Err(no_database()),
    }
}

async fn remove(place: StorageConfig) -> Result<(), OpenError> {
    match place {
        #[cfg(feature = "postgres")]
        StorageConfig::Postgres(config) => postgres::remove(&config).await,
        #[cfg(feature = "cassandra")]
        StorageConfig::Cassandra(config) => cassandra::remove(&config).await,
        StorageConfig::Memory(_) | StorageConfig::Local(_) => Err(no_database()),
    }
}

fn no_database() -> OpenError {
    OpenError::Database("the store is over no database".to_owned())
}

/// Makes the messages of statements.
#[derive(Debug)]
pub(crate) struct Rows {
    subjects: Vec<Subject>,
    body: Bytes,
    published_at: Timestamp,
    expires_at: Timestamp,
    next: AtomicU64,
}

impl Rows {
    fn new(sample: Sample) -> Result<Self, OpenError> {
        let subject = |at| Subject::new(&format!("bench.ceiling.rows.{at}"));
        let subjects = (0..sample.subjects.max(1)).map(subject).collect::<Result<_, _>>();
        let published_at = SystemTime.wall();
        let lifetime = i64::try_from(sample.lifetime.as_nanos()).unwrap_or(i64::MAX);
        Ok(Self {
            subjects: subjects.map_err(|error| OpenError::Database(error.to_string()))?,
            body: vec![b'x'; sample.body_bytes].into(),
            published_at,
            expires_at: Timestamp(published_at.0.saturating_add(lifetime)),
            next: AtomicU64::new(0),
        })
    }

    /// The number of the next of so many things.
    pub fn take(&self, count: u64) -> u64 {
        self.next.fetch_add(count, Ordering::Relaxed)
    }

    /// Where the row of that number belongs, and its id there: rows go round the subjects.
    pub fn place(&self, number: u64) -> (&Subject, MessageId) {
        let count = self.subjects.len() as u64;
        let at = usize::try_from(number % count).unwrap_or(0);
        (&self.subjects[at], MessageId(number / count + 1))
    }

    /// The message of that number.
    pub fn message(&self, number: u64) -> Message {
        let (subject, id) = self.place(number);
        let (headers, body) = (Headers::default(), self.body.clone());
        let expires_at = Some(self.expires_at);
        Message::new(subject.clone(), id, self.published_at, expires_at, headers, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_said_in_words() {
        assert_eq!(Way::LONE.to_string(), "the store's statement of 1 row, 1 under way");
        let ways = Way::all(Form::Copy, &[1_000, 4_000], &[1, 2]);
        assert_eq!(ways.len(), 4);
        assert_eq!(ways[3].to_string(), "binary COPY of 4000 rows, 2 under way");
    }

    #[test]
    fn rows_go_round_the_subjects_and_none_comes_twice() {
        let sample = Sample { body_bytes: 7, lifetime: Duration::from_secs(1), subjects: 3 };
        let rows = Rows::new(sample).unwrap();
        assert_eq!((rows.take(4), rows.take(4)), (0, 4));
        let places: std::collections::BTreeSet<_> =
            (0..9).map(|number| (rows.message(number).subject, rows.message(number).id)).collect();
        assert_eq!(places.len(), 9);
        let (subject, id) = rows.place(7);
        assert_eq!((subject.as_str(), id), ("bench.ceiling.rows.1", MessageId(3)));
        assert_eq!(rows.message(7).body.len(), 7);
    }

    #[tokio::test]
    async fn a_store_over_no_database_has_no_such_ceiling() {
        let sample = Sample { body_bytes: 7, lifetime: Duration::from_secs(1), subjects: 1 };
        let store = StorageConfig::Memory(crate::MemoryConfig::default());
        let error = Ceiling::open(store, sample).await.unwrap_err();
        assert_eq!(error.to_string(), "the store is over no database");
    }
}
