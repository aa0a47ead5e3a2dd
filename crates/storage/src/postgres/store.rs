//! The store: its calls, handed to whoever does them.

use super::{
    call::Call,
    failure::Failure,
    inbox::Refusal,
    lookups::{Fetch, LastId, Lookups},
    reading, reclaiming, removal, rows,
    shared::Shared,
    writer,
};
use crate::{
    Connections, Inspect, Vitals,
    database::{self, Answer, Word},
};
use broker_core::{
    AppendError, Appended, Durability, IdRange, Message, MessageId, Page, ReadError, Reclaimed,
    Storage, StorageFuture, Subject, SubjectSummary, Tally, Timestamp, Usage, Writable,
    trace::note,
};
use parking_lot::Mutex;
use std::{
    fmt,
    future::ready,
    ops::Bound,
    sync::{Arc, atomic::Ordering},
};
use tokio::{runtime::Handle, sync::oneshot, task::JoinHandle};

/// The name of the bound on what waits to be written.
const QUEUE: &str = "database queue bytes";

const CLOSED: &str = "the store is closed";

/// Messages in PostgreSQL.
pub struct PostgresStorage {
    shared: Arc<Shared>,
    last_ids: Arc<Lookups<LastId>>,
    fetches: Arc<Lookups<Fetch>>,
    progress: Arc<reclaiming::Progress>,
    runtime: Handle,
    writers: Mutex<Vec<JoinHandle<()>>>,
    watch: JoinHandle<()>,
}

impl PostgresStorage {
    /// Starts writing, on the runtime that this is called on.
    pub fn start(shared: Shared, writers: usize) -> Self {
        let shared = Arc::new(shared);
        let start = |_| tokio::spawn(writer::write(shared.clone()));
        let writers = (0..writers.max(1)).map(start).collect();
        Self {
            last_ids: Lookups::new(),
            fetches: Lookups::new(),
            progress: Arc::default(),
            runtime: Handle::current(),
            writers: Mutex::new(writers),
            watch: tokio::spawn(writer::watch(shared.clone())),
            shared,
        }
    }

    /// Runs a call that nobody has to wait for.
    fn run<T: Send + 'static, E: From<Over> + Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> StorageFuture<Result<T, E>> {
        let answer = database::detached(&self.runtime, call);
        Box::pin(async move { answer.await.unwrap_or_else(|| Err(Over.into())) })
    }
}

/// The runtime ended before a call did.
struct Over;

impl From<Over> for ReadError {
    fn from(_: Over) -> Self {
        Self::Unavailable(CLOSED.into())
    }
}

impl From<Over> for AppendError {
    fn from(_: Over) -> Self {
        Self::Unknown(CLOSED.into())
    }
}

/// Hands over what can be kept, with where it belongs; the rest is refused at once.
fn hand_over(
    shared: &Shared,
    batch: Vec<Arc<Message>>,
) -> Result<oneshot::Receiver<Answer>, AppendError> {
    let (call, answer) = Call::new(batch.len());
    let buckets: Vec<_> = shared.catalog.buckets(batch.iter().map(|it| &**it)).collect();
    let is_kept = |message: &Message| message.is_stored() && rows::number(message.id).is_some();
    let refused: Vec<usize> = (0..batch.len()).filter(|place| !is_kept(&batch[*place])).collect();
    let kept: Vec<_> = (0..)
        .zip(buckets)
        .zip(batch)
        .filter(|(_, message)| is_kept(message))
        .map(|((place, bucket), message)| (place, bucket, message))
        .collect();
    let bytes = kept.iter().map(|(_, _, message)| message.weight()).sum();
    note(&call.span, "queued");
    shared.inbox.put(kept, bytes, &call).map_err(|refusal| match refusal {
        Refusal::Full => AppendError::Full(QUEUE),
        Refusal::Closed => AppendError::Unavailable(CLOSED.into()),
    })?;
    for place in refused {
        call.answer(place, Word::Refused("its id does not fit".into()));
    }
    Ok(answer)
}

impl Inspect for PostgresStorage {
    fn vitals(&self) -> Vitals {
        let Shared { readers, upkeep, inbox, connector, lease, .. } = &*self.shared;
        let idle = readers.idle() + upkeep.idle();
        let open = connector.activity().connections();
        let connections = Connections {
            busy: open.saturating_sub(idle),
            idle,
            // And one for the owner's row.
            most: readers.size + upkeep.size + self.writers.lock().len() + 1,
        };
        Vitals {
            connections: Some(connections),
            epoch: Some(lease.epoch()),
            usage: vec![Usage::new(QUEUE, inbox.bytes(), inbox.limit())],
            ..Vitals::default()
        }
    }
}

impl Storage for PostgresStorage {
    fn append(
        &self,
        batch: Vec<Arc<Message>>,
    ) -> StorageFuture<Result<Vec<Appended>, AppendError>> {
        if batch.is_empty() {
            return Box::pin(ready(Ok(Vec::new())));
        }
        match hand_over(&self.shared, batch) {
            Err(error) => Box::pin(ready(Err(error))),
            Ok(answer) => Box::pin(async move {
                answer.await.unwrap_or_else(|_| Err(AppendError::Unknown(CLOSED.into())))
            }),
        }
    }

    fn fetch(
        &self,
        subject: &Subject,
        id: MessageId,
    ) -> StorageFuture<Result<Option<Arc<Message>>, ReadError>> {
        let Some(id) = rows::number(id) else { return Box::pin(ready(Ok(None))) };
        let question = Fetch(subject.clone(), id);
        let answer = self.fetches.ask(&self.shared, &self.runtime, question);
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(Over.into())) })
    }

    fn read_after(
        &self,
        subject: &Subject,
        after: MessageId,
        limit: usize,
    ) -> StorageFuture<Result<Page, ReadError>> {
        let (shared, subject) = (self.shared.clone(), subject.clone());
        self.run(async move { reading::page(&shared, &subject, after, limit).await })
    }

    fn last_id(&self, subject: &Subject) -> StorageFuture<Result<MessageId, ReadError>> {
        let answer = self.last_ids.ask(&self.shared, &self.runtime, LastId(subject.clone()));
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(Over.into())) })
    }

    fn subjects(
        &self,
        from: Bound<&Subject>,
        limit: usize,
    ) -> StorageFuture<Result<Vec<SubjectSummary>, ReadError>> {
        let (shared, from) = (self.shared.clone(), from.cloned());
        self.run(async move { reading::subjects(&shared, from, limit).await })
    }

    fn tally(
        &self,
        ranges: Vec<IdRange>,
        now: Timestamp,
    ) -> StorageFuture<Result<Vec<Tally>, ReadError>> {
        let shared = self.shared.clone();
        self.run(async move { reading::tally(&shared, &ranges, now).await })
    }

    fn purge(&self, subject: &Subject, up_to: MessageId) -> StorageFuture<Result<(), AppendError>> {
        let (shared, subject) = (self.shared.clone(), subject.clone());
        self.run(async move { removal::purge(&shared, &subject, up_to).await })
    }

    fn reclaim(&self, now: Timestamp) -> StorageFuture<Result<Reclaimed, ReadError>> {
        let (shared, progress) = (self.shared.clone(), self.progress.clone());
        self.run(async move { reclaiming::reclaim(&shared, &progress, now).await })
    }

    fn keep_time(&self, now: Timestamp) -> StorageFuture<Result<(), AppendError>> {
        let shared = self.shared.clone();
        self.run(async move { removal::keep_time(&shared, now).await })
    }

    fn kept_time(&self) -> Timestamp {
        Timestamp(self.shared.kept.load(Ordering::Acquire))
    }

    fn durability(&self) -> Durability {
        Durability::Database
    }

    fn writable(&self) -> Writable {
        self.shared.writable()
    }

    fn is_owner(&self) -> bool {
        self.shared.lease.is_owner()
    }

    fn fenced(&self) -> StorageFuture<String> {
        self.shared.lease.fenced()
    }

    fn close(&self) -> StorageFuture<Result<(), ReadError>> {
        let shared = self.shared.clone();
        let writers = std::mem::take(&mut *self.writers.lock());
        shared.inbox.close();
        self.run(async move {
            for writer in writers {
                // A writer that panicked has told so.
                let _ = writer.await;
            }
            shared.health.closed(CLOSED);
            shared.readers.close();
            shared.upkeep.close();
            shared.lease.release().await.map_err(|why| Failure::away(why).into())
        })
    }
}

impl From<Failure> for ReadError {
    fn from(failure: Failure) -> Self {
        failure.read()
    }
}

impl Drop for PostgresStorage {
    fn drop(&mut self) {
        self.shared.inbox.close();
        self.watch.abort();
    }
}

impl fmt::Debug for PostgresStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStorage").finish_non_exhaustive()
    }
}
