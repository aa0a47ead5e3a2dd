//! The store in the process's memory: the contract in its simplest form, gone when the process ends.

mod expiries;
mod room;
mod sequence;
mod state;
mod tallying;
#[cfg(test)]
mod tests;

use crate::{
    Inspect, Vitals,
    trace::{self, System},
};
use broker_core::{
    AppendError, Appended, Durability, IdRange, Message, MessageId, Page, ReadError, Reclaimed,
    Storage, StorageFuture, Subject, SubjectSummary, Tally, Timestamp, Usage, Writable,
    trace::failed,
};
use parking_lot::RwLock;
use state::State;
use std::{
    fmt,
    future::ready,
    ops::Bound,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use tracing::Span;

/// The bounds of a [`MemoryStorage`]. At the first one that a batch would pass, the whole batch is
/// refused with [`AppendError::Full`] and the name given here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryConfig {
    /// Bytes of kept messages: bodies, headers and 256 bytes each for their bookkeeping, which is
    /// what one takes of the process's memory. Named `memory store bytes`.
    pub max_bytes: usize,
    /// Kept messages. Named `memory store messages`.
    pub max_messages: usize,
    /// Subjects that ever had a stored message: their last ids stay, so they stay, at about 200
    /// bytes each and their names. Named `memory store subjects`.
    pub max_subjects: usize,
    /// Bytes of the names of those subjects. Named `memory store subject bytes`.
    pub max_subject_bytes: usize,
}

/// 512 MiB in up to two million messages, and a million subjects with 64 MiB of names. They come on
/// top of the memory that a broker takes over any store.
impl Default for MemoryConfig {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            max_bytes: 512 * MIB,
            max_messages: 2_000_000,
            max_subjects: 1_000_000,
            max_subject_bytes: 64 * MIB,
        }
    }
}

/// Keeps messages in memory, within the bounds of its [`MemoryConfig`].
///
/// It keeps its own copy of a message's fields and gives a new [`Message`] to each reader, so that
/// a form cached in a message lives no longer than its deliveries. Bodies and headers are shared,
/// not copied: they should own their memory, as `broker_core::Publication` asks.
///
/// Every call is done when it returns; its future is only the answer.
pub struct MemoryStorage {
    state: RwLock<State>,
    /// Beside the state, so that asking for it waits for nobody.
    kept_time: AtomicI64,
}

impl MemoryStorage {
    /// An empty store.
    #[must_use]
    pub fn new(config: MemoryConfig) -> Self {
        let state = RwLock::new(State::new(config));
        Self { state, kept_time: AtomicI64::new(Timestamp::MIN.0) }
    }

    fn raise_kept_time(&self, to: Timestamp) {
        self.kept_time.fetch_max(to.0, Ordering::AcqRel);
    }

    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&State) -> T,
    ) -> StorageFuture<Result<T, ReadError>> {
        let state = self.state.read();
        let answer = if state.is_closed() {
            Err(ReadError::Unavailable(CLOSED.into()))
        } else {
            Ok(read(&state))
        };
        Box::pin(ready(answer))
    }
}

const CLOSED: &str = "the memory store is closed";

impl Inspect for MemoryStorage {
    fn vitals(&self) -> Vitals {
        let state = self.state.read();
        let (used, bounds) = (state.used(), state.bounds());
        Vitals {
            bytes: Some(used.bytes as u64),
            usage: vec![
                Usage::new("memory store bytes", used.bytes, bounds.max_bytes),
                Usage::new("memory store messages", used.messages, bounds.max_messages),
                Usage::new("memory store subjects", used.subjects, bounds.max_subjects),
                Usage::new(
                    "memory store subject bytes",
                    used.subject_bytes,
                    bounds.max_subject_bytes,
                ),
            ],
            ..Vitals::default()
        }
    }
}

impl Storage for MemoryStorage {
    fn append(
        &self,
        batch: Vec<Arc<Message>>,
    ) -> StorageFuture<Result<Vec<Appended>, AppendError>> {
        let commit = trace::commit(System::Memory, [&Span::current()].into_iter(), batch.iter());
        let answer = self.state.write().append(&batch);
        if let Err(error) = &answer {
            failed(&commit, error);
        }
        drop(commit);
        if answer.is_ok() {
            let stored = batch.iter().filter(|message| message.is_stored());
            if let Some(latest) = stored.map(|message| message.published_at).max() {
                self.raise_kept_time(latest);
            }
        }
        Box::pin(ready(answer))
    }

    fn fetch(
        &self,
        subject: &Subject,
        id: MessageId,
    ) -> StorageFuture<Result<Option<Arc<Message>>, ReadError>> {
        self.read(|state| state.fetch(subject, id))
    }

    fn read_after(
        &self,
        subject: &Subject,
        after: MessageId,
        limit: usize,
    ) -> StorageFuture<Result<Page, ReadError>> {
        self.read(|state| state.read_after(subject, after, limit))
    }

    fn last_id(&self, subject: &Subject) -> StorageFuture<Result<MessageId, ReadError>> {
        self.read(|state| state.last_id(subject))
    }

    fn subjects(
        &self,
        from: Bound<&Subject>,
        limit: usize,
    ) -> StorageFuture<Result<Vec<SubjectSummary>, ReadError>> {
        self.read(|state| state.subjects(from, limit))
    }

    fn tally(
        &self,
        ranges: Vec<IdRange>,
        now: Timestamp,
    ) -> StorageFuture<Result<Vec<Tally>, ReadError>> {
        self.read(|state| state.tally(&ranges, now))
    }

    fn purge(&self, subject: &Subject, up_to: MessageId) -> StorageFuture<Result<(), AppendError>> {
        let purged = self.state.write().purge(subject, up_to);
        // What it freed is dropped here, when others may go on.
        Box::pin(ready(purged.map(drop)))
    }

    fn reclaim(&self, now: Timestamp) -> StorageFuture<Result<Reclaimed, ReadError>> {
        let (reclaimed, freed) = {
            let mut state = self.state.write();
            state.reclaim(now)
        };
        drop(freed);
        Box::pin(ready(Ok(reclaimed)))
    }

    fn keep_time(&self, now: Timestamp) -> StorageFuture<Result<(), AppendError>> {
        if self.state.read().is_closed() {
            return Box::pin(ready(Err(AppendError::Unavailable(CLOSED.into()))));
        }
        self.raise_kept_time(now);
        Box::pin(ready(Ok(())))
    }

    fn kept_time(&self) -> Timestamp {
        Timestamp(self.kept_time.load(Ordering::Acquire))
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }

    fn writable(&self) -> Writable {
        self.state.read().writable()
    }

    fn is_owner(&self) -> bool {
        true
    }

    fn fenced(&self) -> StorageFuture<String> {
        Box::pin(std::future::pending())
    }

    fn close(&self) -> StorageFuture<Result<(), ReadError>> {
        let held = self.state.write().close();
        drop(held);
        Box::pin(ready(Ok(())))
    }
}

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStorage").field("used", &self.state.read().used()).finish()
    }
}
