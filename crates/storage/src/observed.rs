//! A store whose calls are reported to whoever counts them.

mod call;
#[cfg(test)]
mod tests;

pub use call::{Outcome, StorageCall, StorageObserver};

use crate::Operation;
use broker_core::{
    AppendError, Appended, Durability, IdRange, Message, MessageId, Page, ReadError, Reclaimed,
    Storage, StorageFuture, Stored, Subject, SubjectSummary, Tally, TimeSource, Timestamp,
    Writable,
};
use call::{Failure, Report, Volume, Watch};
use std::{fmt, ops::Bound, sync::Arc};

/// Passes every call on to the store beneath and reports it when it ends.
///
/// A call whose future is dropped is reported as [`Outcome::Abandoned`]: the store goes on with it.
pub struct Observed<S: ?Sized> {
    /// One for all calls, which each hold it: they meet at its count from every thread.
    watch: Arc<Watch>,
    inner: Arc<S>,
}

impl<S: Storage + ?Sized> Observed<S> {
    /// Watches a store; durations are differences of the source's monotonic readings.
    #[must_use]
    pub fn new(
        inner: Arc<S>,
        time: Arc<dyn TimeSource>,
        observer: Arc<dyn StorageObserver>,
    ) -> Self {
        Self { watch: Arc::new(Watch { observer, time }), inner }
    }

    /// Makes a call and reports its end. `given` is what the call hands to the store, `taken` what
    /// the store gave back.
    fn observe<T: 'static, E: Failure + 'static>(
        &self,
        operation: Operation,
        given: Volume,
        call: impl FnOnce(&S) -> StorageFuture<Result<T, E>>,
        taken: impl FnOnce(&T) -> Volume + Send + 'static,
    ) -> StorageFuture<Result<T, E>> {
        // Before the call: a store may do its work in it.
        let report = Report::new(operation, given, self.watch.clone());
        let work = call(&self.inner);
        Box::pin(async move {
            let answer = work.await;
            match &answer {
                Ok(value) => report.end(Outcome::Done, taken(value)),
                Err(error) => report.end(error.outcome(), Volume::default()),
            }
            answer
        })
    }
}

impl<S: Storage + ?Sized> Storage for Observed<S> {
    fn append(
        &self,
        batch: Vec<Arc<Message>>,
    ) -> StorageFuture<Result<Vec<Appended>, AppendError>> {
        let given = batch.iter().map(|message| Volume::of(message)).sum();
        let refused = |words: &Vec<Appended>| {
            let refused = words.iter().filter(|word| **word != Appended::Stored).count() as u64;
            Volume { refused, ..Volume::default() }
        };
        self.observe(Operation::Append, given, |inner| inner.append(batch), refused)
    }

    fn fetch(
        &self,
        subject: &Subject,
        id: MessageId,
    ) -> StorageFuture<Result<Option<Arc<Message>>, ReadError>> {
        let taken = |found: &Option<Arc<Message>>| found.iter().map(|it| Volume::of(it)).sum();
        let call = |inner: &S| inner.fetch(subject, id);
        self.observe(Operation::Fetch, Volume::default(), call, taken)
    }

    fn read_after(
        &self,
        subject: &Subject,
        after: MessageId,
        limit: usize,
    ) -> StorageFuture<Result<Page, ReadError>> {
        let taken = |page: &Page| {
            page.messages
                .iter()
                .map(|stored| match stored {
                    Stored::Message(message) => Volume::of(message),
                    Stored::Damaged(_) => Volume::default(),
                })
                .sum()
        };
        let call = |inner: &S| inner.read_after(subject, after, limit);
        self.observe(Operation::ReadAfter, Volume::default(), call, taken)
    }

    fn last_id(&self, subject: &Subject) -> StorageFuture<Result<MessageId, ReadError>> {
        let call = |inner: &S| inner.last_id(subject);
        self.observe(Operation::LastId, Volume::default(), call, |_| Volume::default())
    }

    fn subjects(
        &self,
        from: Bound<&Subject>,
        limit: usize,
    ) -> StorageFuture<Result<Vec<SubjectSummary>, ReadError>> {
        let call = |inner: &S| inner.subjects(from, limit);
        self.observe(Operation::Subjects, Volume::default(), call, |_| Volume::default())
    }

    fn tally(
        &self,
        ranges: Vec<IdRange>,
        now: Timestamp,
    ) -> StorageFuture<Result<Vec<Tally>, ReadError>> {
        // It is told of messages and given none.
        let call = |inner: &S| inner.tally(ranges, now);
        self.observe(Operation::Tally, Volume::default(), call, |_| Volume::default())
    }

    fn purge(&self, subject: &Subject, up_to: MessageId) -> StorageFuture<Result<(), AppendError>> {
        let call = |inner: &S| inner.purge(subject, up_to);
        self.observe(Operation::Purge, Volume::default(), call, |()| Volume::default())
    }

    fn reclaim(&self, now: Timestamp) -> StorageFuture<Result<Reclaimed, ReadError>> {
        let taken = |reclaimed: &Reclaimed| {
            let Reclaimed { messages, bytes, .. } = *reclaimed;
            Volume { messages, bytes, refused: 0 }
        };
        self.observe(Operation::Reclaim, Volume::default(), |inner| inner.reclaim(now), taken)
    }

    fn keep_time(&self, now: Timestamp) -> StorageFuture<Result<(), AppendError>> {
        let call = |inner: &S| inner.keep_time(now);
        self.observe(Operation::KeepTime, Volume::default(), call, |()| Volume::default())
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
        self.inner.is_owner()
    }

    fn fenced(&self) -> StorageFuture<String> {
        self.inner.fenced()
    }

    fn close(&self) -> StorageFuture<Result<(), ReadError>> {
        self.observe(Operation::Close, Volume::default(), S::close, |()| Volume::default())
    }
}

impl<S: fmt::Debug + ?Sized> fmt::Debug for Observed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observed").field(&&*self.inner).finish()
    }
}
