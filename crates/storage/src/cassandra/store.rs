//! The store.

use super::{
    database::Database, failure::Failure, guard::Guard, ledger::Ledger, place::Place,
    reading::Reader, register::Register, together, writer::Writer,
};
use crate::{Inspect, Vitals, database::detached};
use broker_core::{
    AppendError, Appended, Durability, IdRange, Message, MessageId, Page, ReadError, Reclaimed,
    Storage, StorageFuture, Subject, SubjectSummary, Tally, Timestamp, Usage, Writable,
};
use std::{
    ops::Bound,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{runtime::Handle, time};

const CLOSED: &str = "the store is closed";
/// The name of the bound on what is being written.
const QUEUE: &str = "database queue bytes";
/// Subjects whose rows are written at once when the store is closed.
const AT_ONCE: usize = 128;

/// Messages in Apache Cassandra or ScyllaDB.
pub struct CassandraStorage {
    pub(super) database: Arc<Database>,
    pub(super) guard: Guard,
    pub(super) register: Arc<Register>,
    pub(super) reader: Arc<Reader>,
    pub(super) writer: Arc<Writer>,
    pub(super) queue_bytes: u32,
    pub(super) is_closed: AtomicBool,
    pub(super) runtime: Handle,
}

impl CassandraStorage {
    /// Starts work that goes on when nobody waits for it.
    fn start<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> StorageFuture<T> {
        let answer = detached(&self.runtime, work);
        Box::pin(async move {
            match answer.await {
                Some(answer) => answer,
                // The runtime ends, and so does whoever waits.
                None => std::future::pending().await,
            }
        })
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    fn weight(&self, batch: &[Arc<Message>]) -> u32 {
        let weight: usize = batch.iter().map(|message| message.weight()).sum();
        u32::try_from(weight).unwrap_or(u32::MAX).min(self.queue_bytes)
    }
}

impl Inspect for CassandraStorage {
    fn vitals(&self) -> Vitals {
        let most = self.queue_bytes as usize;
        Vitals {
            epoch: Some(self.guard.lease.epoch()),
            usage: vec![Usage::of(QUEUE, &self.writer.room, most)],
            ..Vitals::default()
        }
    }
}

impl Storage for CassandraStorage {
    fn append(
        &self,
        batch: Vec<Arc<Message>>,
    ) -> StorageFuture<Result<Vec<Appended>, AppendError>> {
        if self.is_closed() {
            return Box::pin(async { Err(AppendError::Unavailable(CLOSED.into())) });
        }
        if batch.is_empty() {
            return Box::pin(async { Ok(Vec::new()) });
        }
        let room = self.writer.room.clone().try_acquire_many_owned(self.weight(&batch));
        let Ok(room) = room else {
            return Box::pin(async { Err(AppendError::Full(QUEUE)) });
        };
        self.start(self.writer.clone().append(batch, room))
    }

    fn fetch(
        &self,
        subject: &Subject,
        id: MessageId,
    ) -> StorageFuture<Result<Option<Arc<Message>>, ReadError>> {
        let (reader, subject) = (self.reader.clone(), subject.clone());
        self.start(async move { reader.fetch(&subject, id).await })
    }

    fn read_after(
        &self,
        subject: &Subject,
        after: MessageId,
        limit: usize,
    ) -> StorageFuture<Result<Page, ReadError>> {
        let (reader, subject) = (self.reader.clone(), subject.clone());
        self.start(async move { reader.read_after(&subject, after, limit).await })
    }

    fn last_id(&self, subject: &Subject) -> StorageFuture<Result<MessageId, ReadError>> {
        let (reader, subject) = (self.reader.clone(), subject.clone());
        self.start(async move {
            let place = reader.places.get(&reader.database, &reader.guard, &subject).await;
            let last = place.map_err(Failure::read_error)?.last();
            reader.guard.confirm().await.map_err(Failure::read_error)?;
            Ok(MessageId(last))
        })
    }

    fn subjects(
        &self,
        from: Bound<&Subject>,
        limit: usize,
    ) -> StorageFuture<Result<Vec<SubjectSummary>, ReadError>> {
        let (reader, from) = (self.reader.clone(), from.cloned());
        self.start(async move { reader.subjects(from, limit).await })
    }

    fn tally(
        &self,
        ranges: Vec<IdRange>,
        now: Timestamp,
    ) -> StorageFuture<Result<Vec<Tally>, ReadError>> {
        let reader = self.reader.clone();
        self.start(async move { reader.tally(ranges, now).await })
    }

    fn purge(&self, subject: &Subject, up_to: MessageId) -> StorageFuture<Result<(), AppendError>> {
        if self.is_closed() {
            return Box::pin(async { Err(AppendError::Unavailable(CLOSED.into())) });
        }
        let (reader, writer, subject) = (self.reader.clone(), self.writer.clone(), subject.clone());
        self.start(async move {
            // Closing waits for it.
            let _room = writer.room.acquire().await;
            reader.purge(&subject, up_to).await.map_err(Failure::append_error)
        })
    }

    fn reclaim(&self, now: Timestamp) -> StorageFuture<Result<Reclaimed, ReadError>> {
        let reader = self.reader.clone();
        self.start(async move { reader.reclaim(now).await })
    }

    fn keep_time(&self, now: Timestamp) -> StorageFuture<Result<(), AppendError>> {
        let (register, guard) = (self.register.clone(), self.guard.clone());
        self.start(async move {
            register.keep(now).await.map_err(Failure::append_error)?;
            guard.confirm().await.map_err(|failure| failure.after().append_error())
        })
    }

    fn kept_time(&self) -> Timestamp {
        self.register.kept()
    }

    fn durability(&self) -> Durability {
        Durability::Database
    }

    fn writable(&self) -> Writable {
        if self.is_closed() {
            return Writable::Closed(CLOSED.into());
        }
        let (word, heard) = self.database.last_word();
        self.guard.lease.latest(word, heard)
    }

    fn is_owner(&self) -> bool {
        self.guard.lease.is_owner()
    }

    fn fenced(&self) -> StorageFuture<String> {
        self.guard.lease.fenced()
    }

    fn close(&self) -> StorageFuture<Result<(), ReadError>> {
        self.is_closed.store(true, Ordering::Release);
        let (database, guard) = (self.database.clone(), self.guard.clone());
        let (reader, writer, all) = (self.reader.clone(), self.writer.clone(), self.queue_bytes);
        self.start(async move {
            // All of the room is free when nothing is under way.
            let _room = writer.room.acquire_many(all).await;
            let limit = database.times.lease;
            let places = reader.places.all();
            let closing = time::timeout(limit, close_all(&database, &guard, places)).await;
            let released = guard.lease.release().await;
            released.map_err(ReadError::Unavailable)?;
            closing
                .unwrap_or_else(|_| {
                    Err(Failure::NotDone(format!("not all was written within {limit:?}")))
                })
                .map_err(Failure::read_error)
        })
    }
}

/// Gives back what is reserved, so that the next start finds nothing in doubt.
async fn close_all(
    database: &Database,
    guard: &Guard,
    places: Vec<Arc<Place>>,
) -> Result<(), Failure> {
    let closing = places.iter().map(|place| async move {
        let is_open = {
            let ledger = place.ledger.lock();
            ledger.is_quiet() && !ledger.is_closed()
        };
        if is_open { place.record(database, guard, Ledger::plan_close).await } else { Ok(()) }
    });
    together::each(AT_ONCE, closing).await.into_iter().collect()
}
