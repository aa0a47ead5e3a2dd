//! A store that fails as a test says, over one that works.

mod gate;
mod ownership;
mod plan;
mod script;
mod seeded;
mod single;
#[cfg(test)]
mod tests;

pub use plan::{Faults, Hold, NoFaults, ReadPlan, SingleFault, WriteFault, WritePlan};
pub use script::Script;
pub use seeded::{Rates, Seeded};

use crate::Operation;
use broker_core::{
    AppendError, Appended, Durability, IdRange, Message, MessageId, Page, ReadError, Reclaimed,
    Storage, StorageFuture, Stored, Subject, SubjectSummary, Tally, Timestamp, Writable,
};
use gate::Gate;
use ownership::Ownership;
use parking_lot::Mutex;
use std::{collections::HashSet, fmt, future::ready, ops::Bound, sync::Arc};

/// Passes calls on to the store beneath, but for what its [`Faults`] say.
///
/// It stays within the contract: what it answers is what a real store may answer when its disk,
/// network or database fails, or when another broker takes it over. Closing is never disturbed.
pub struct Faulty<S: ?Sized> {
    faults: Arc<dyn Faults>,
    gate: Gate,
    /// Messages of appends that were answered with [`AppendError::Lost`]: no read shows them until a
    /// restart, which is another [`Faulty`] over the same store.
    lost: Arc<Names>,
    /// Messages that may be kept although their append failed, so they are not refused any more.
    doubtful: Arc<Names>,
    ownership: Ownership,
    inner: Arc<S>,
}

/// Messages, by name.
#[derive(Default)]
struct Names(Mutex<HashSet<(Subject, MessageId)>>);

impl Names {
    fn add(&self, batch: &[Arc<Message>]) {
        let names = batch.iter().map(|message| (message.subject.clone(), message.id));
        self.0.lock().extend(names);
    }

    fn has(&self, subject: &Subject, id: MessageId) -> bool {
        let names = self.0.lock();
        !names.is_empty() && names.contains(&(subject.clone(), id))
    }

    fn has_any(&self, subject: &Subject) -> bool {
        self.0.lock().iter().any(|(of, _)| of == subject)
    }
}

impl<S: Storage + ?Sized> Faulty<S> {
    /// Puts faults before a store.
    #[must_use]
    pub fn new(inner: Arc<S>, faults: Arc<dyn Faults>) -> Self {
        let (gate, lost, doubtful, ownership) = Default::default();
        Self { faults, gate, lost, doubtful, ownership, inner }
    }

    /// Whether from now on it is not certain whose the store is. Calls go on all the same.
    pub fn doubt(&self, is_doubtful: bool) {
        self.ownership.doubt(is_doubtful);
    }

    /// From now on another broker owns the store; why, for who asks. Calls are answered with that, but
    /// for those under way.
    pub fn fence(&self, reason: &str) {
        self.ownership.fence(reason);
    }

    /// Waits until this many calls are held.
    pub async fn wait_held(&self, count: usize) {
        self.gate.wait(count).await;
    }

    /// Calls held now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.gate.held()
    }

    /// Lets go on the held call at this place, 0 for the one held longest. Nothing if there is none.
    pub fn release(&self, place: usize) {
        self.gate.release(place);
    }

    /// Lets every held call go on, the one held longest first.
    pub fn release_all(&self) {
        while self.gate.held() > 0 {
            self.gate.release(0);
        }
    }

    fn write(
        &self,
        operation: Operation,
        call: impl FnOnce(&S) -> StorageFuture<Result<(), AppendError>> + Send + 'static,
    ) -> StorageFuture<Result<(), AppendError>> {
        if self.ownership.is_fenced() {
            return Box::pin(ready(Err(AppendError::Fenced)));
        }
        let WritePlan { fault, hold } = self.faults.write(operation, &[]);
        let inner = self.inner.clone();
        self.gate.pass(hold, move || match fault {
            WriteFault::Before(error) => Box::pin(ready(Err(error))),
            WriteFault::After(error) => fail_after(call(&inner), error),
            WriteFault::None | WriteFault::Refuse(_) | WriteFault::Single(_) => call(&inner),
        })
    }

    fn read<T: Send + 'static>(
        &self,
        operation: Operation,
        call: impl FnOnce(&S) -> StorageFuture<Result<T, ReadError>> + Send + 'static,
    ) -> StorageFuture<Result<T, ReadError>> {
        if self.ownership.is_fenced() {
            return Box::pin(ready(Err(ReadError::Fenced)));
        }
        let ReadPlan { error, hold } = self.faults.read(operation);
        let inner = self.inner.clone();
        self.gate.pass(hold, move || match error {
            Some(error) => Box::pin(ready(Err(error))),
            None => call(&inner),
        })
    }
}

/// Does the work and says that it failed all the same.
fn fail_after<T: 'static>(
    work: StorageFuture<Result<T, AppendError>>,
    error: AppendError,
) -> StorageFuture<Result<T, AppendError>> {
    Box::pin(async move { work.await.and(Err(error)) })
}

/// Counts a page of messages without those that are lost, which the store beneath may have.
fn tally_others<S: Storage + ?Sized>(
    inner: &S,
    range: &IdRange,
    now: Timestamp,
    lost: Arc<Names>,
) -> StorageFuture<Result<Vec<Tally>, ReadError>> {
    let up_to = range.up_to;
    let work = inner.read_after(&range.subject, range.after, 64 * 1024);
    Box::pin(async move {
        let (page, mut tally) = (work.await?, Tally::default());
        for stored in page.messages {
            let Stored::Message(message) = stored else { continue };
            let is_counted = message.id <= up_to && !lost.has(&message.subject, message.id);
            if is_counted && !message.is_expired(now) {
                let bytes = message.headers.as_bytes().len() + message.body.len();
                tally.count(bytes as u64, message.expires_at);
            }
        }
        tally.next = page.next.filter(|next| *next < up_to);
        Ok(vec![tally])
    })
}

impl<S: Storage + ?Sized> Storage for Faulty<S> {
    fn append(
        &self,
        batch: Vec<Arc<Message>>,
    ) -> StorageFuture<Result<Vec<Appended>, AppendError>> {
        if self.ownership.is_fenced() {
            return Box::pin(ready(Err(AppendError::Fenced)));
        }
        let WritePlan { mut fault, hold } = self.faults.write(Operation::Append, &batch);
        match &mut fault {
            // Lost by this append, whatever an earlier one of unknown outcome wrote.
            WriteFault::Before(AppendError::Lost(_)) | WriteFault::After(AppendError::Lost(_)) => {
                self.lost.add(&batch);
            }
            WriteFault::After(_) => self.doubtful.add(&batch),
            WriteFault::Refuse(places) => {
                let doubtful = |place: &usize| {
                    batch.get(*place).is_some_and(|it| self.doubtful.has(&it.subject, it.id))
                };
                places.retain(|place| !doubtful(place));
            }
            WriteFault::Single(faults) => {
                let written = |(place, fault): &(usize, SingleFault)| {
                    (*fault == SingleFault::UnknownWritten).then(|| batch.get(*place).cloned())?
                };
                self.doubtful.add(&faults.iter().filter_map(written).collect::<Vec<_>>());
            }
            WriteFault::Before(_) | WriteFault::None => {}
        }
        let inner = self.inner.clone();
        self.gate.pass(hold, move || match fault {
            WriteFault::None => inner.append(batch),
            WriteFault::Before(error) => Box::pin(ready(Err(error))),
            WriteFault::Refuse(places) => single::refuse(&*inner, batch, &places),
            WriteFault::Single(faults) => single::append(&*inner, batch, &faults),
            WriteFault::After(error) => fail_after(inner.append(batch), error),
        })
    }

    fn fetch(
        &self,
        subject: &Subject,
        id: MessageId,
    ) -> StorageFuture<Result<Option<Arc<Message>>, ReadError>> {
        let (of, faults, lost) = (subject.clone(), self.faults.clone(), self.lost.clone());
        self.read(Operation::Fetch, move |inner| {
            let work = inner.fetch(&of, id);
            Box::pin(async move {
                match work.await? {
                    Some(_) if lost.has(&of, id) => Ok(None),
                    Some(_) if faults.is_damaged(&of, id) => Err(ReadError::Damaged(id)),
                    found => Ok(found),
                }
            })
        })
    }

    fn read_after(
        &self,
        subject: &Subject,
        after: MessageId,
        limit: usize,
    ) -> StorageFuture<Result<Page, ReadError>> {
        let (of, faults, lost) = (subject.clone(), self.faults.clone(), self.lost.clone());
        self.read(Operation::ReadAfter, move |inner| {
            let work = inner.read_after(&of, after, limit);
            Box::pin(async move {
                let mut page = work.await?;
                page.messages.retain(|stored| !lost.has(&of, stored.id()));
                for stored in &mut page.messages {
                    if faults.is_damaged(&of, stored.id()) {
                        *stored = Stored::Damaged(stored.id());
                    }
                }
                Ok(page)
            })
        })
    }

    fn last_id(&self, subject: &Subject) -> StorageFuture<Result<MessageId, ReadError>> {
        let subject = subject.clone();
        self.read(Operation::LastId, move |inner| inner.last_id(&subject))
    }

    fn subjects(
        &self,
        from: Bound<&Subject>,
        limit: usize,
    ) -> StorageFuture<Result<Vec<SubjectSummary>, ReadError>> {
        let from = from.cloned();
        self.read(Operation::Subjects, move |inner| inner.subjects(from.as_ref(), limit))
    }

    fn tally(
        &self,
        ranges: Vec<IdRange>,
        now: Timestamp,
    ) -> StorageFuture<Result<Vec<Tally>, ReadError>> {
        let lost = self.lost.clone();
        self.read(Operation::Tally, move |inner| {
            let is_whole = |range: &IdRange| !lost.has_any(&range.subject);
            match ranges.iter().take_while(|range| is_whole(range)).count() {
                0 if !ranges.is_empty() => tally_others(inner, &ranges[0], now, lost),
                whole => inner.tally(ranges[..whole].to_vec(), now),
            }
        })
    }

    fn purge(&self, subject: &Subject, up_to: MessageId) -> StorageFuture<Result<(), AppendError>> {
        let subject = subject.clone();
        self.write(Operation::Purge, move |inner| inner.purge(&subject, up_to))
    }

    fn reclaim(&self, now: Timestamp) -> StorageFuture<Result<Reclaimed, ReadError>> {
        self.read(Operation::Reclaim, move |inner| inner.reclaim(now))
    }

    fn keep_time(&self, now: Timestamp) -> StorageFuture<Result<(), AppendError>> {
        self.write(Operation::KeepTime, move |inner| inner.keep_time(now))
    }

    fn kept_time(&self) -> Timestamp {
        self.inner.kept_time()
    }

    fn durability(&self) -> Durability {
        self.inner.durability()
    }

    fn writable(&self) -> Writable {
        self.inner.writable()
    }

    fn is_owner(&self) -> bool {
        self.ownership.is_certain() && self.inner.is_owner()
    }

    fn fenced(&self) -> StorageFuture<String> {
        let (taken, inner) = (self.ownership.taken(), self.inner.fenced());
        Box::pin(async {
            tokio::select! {
                biased;
                reason = taken => reason,
                reason = inner => reason,
            }
        })
    }

    fn close(&self) -> StorageFuture<Result<(), ReadError>> {
        self.inner.close()
    }
}

impl<S: fmt::Debug + ?Sized> fmt::Debug for Faulty<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Faulty").field(&&*self.inner).finish()
    }
}
