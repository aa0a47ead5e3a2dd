//! The store `memory`: the reference implementation. It keeps everything the contract says, except
//! across a restart.

use broker_core::{
    AppendError, Appended, Durability, Headers, Message, MessageId, Page, ReadError, Reclaimed,
    Storage, StorageFuture, Stored, Subject, SubjectSummary, Timestamp, Writable,
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::{collections::BTreeMap, future::ready, sync::Arc};

/// The bounds of a memory store. At each an append answers `Full` with the bound's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryConfig {
    /// Bytes of messages kept, with [`MESSAGE_COST`] for each.
    pub max_bytes: usize,
    /// Subjects that ever had a stored message: their last ids must stay.
    pub max_subjects: usize,
    /// Bytes of the names of those.
    pub max_subject_bytes: usize,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self { max_bytes: 512 * MIB, max_subjects: 1_000_000, max_subject_bytes: 64 * MIB }
    }
}

/// What a kept message counts beside its content, in bytes.
pub const MESSAGE_COST: usize = 160;

/// Messages that one call of `reclaim` removes at most.
const RECLAIM_STEP: u64 = 16_384;

/// Messages in the process's memory.
pub struct MemoryStorage {
    config: MemoryConfig,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    subjects: BTreeMap<Subject, Kept>,
    /// What expires, by moment: a storm of expiries is a few removals from the front.
    expiries: BTreeMap<Timestamp, Vec<(Subject, MessageId)>>,
    bytes: usize,
    subject_bytes: usize,
    time: Option<Timestamp>,
    is_closed: bool,
}

#[derive(Default)]
struct Kept {
    last: MessageId,
    purged: MessageId,
    messages: BTreeMap<MessageId, Content>,
}

/// A message without its subject and id. Readers get a message of their own made of it, so that an
/// encoding which they attach to it does not stay here.
struct Content {
    published_at: Timestamp,
    expires_at: Option<Timestamp>,
    headers: Headers,
    body: Bytes,
}

impl Content {
    fn of(message: &Message) -> Self {
        Self {
            published_at: message.published_at,
            expires_at: message.expires_at,
            headers: message.headers.clone(),
            body: message.body.clone(),
        }
    }

    fn message(&self, subject: &Subject, id: MessageId) -> Arc<Message> {
        Arc::new(Message::new(
            subject.clone(),
            id,
            self.published_at,
            self.expires_at,
            self.headers.clone(),
            self.body.clone(),
        ))
    }

    fn bytes(&self) -> usize {
        self.headers.as_bytes().len() + self.body.len()
    }

    fn cost(&self) -> usize {
        MESSAGE_COST + self.bytes()
    }
}

impl MemoryStorage {
    /// An empty store.
    #[must_use]
    pub fn new(config: MemoryConfig) -> Self {
        Self { config, state: Mutex::new(State::default()) }
    }

    /// Bytes of messages kept, as [`MemoryConfig::max_bytes`] counts them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.state.lock().bytes
    }
}

impl State {
    /// The bound that this batch would break.
    fn full(&self, batch: &[Arc<Message>], config: &MemoryConfig) -> Option<&'static str> {
        let cost: usize = batch.iter().map(|message| Content::of(message).cost()).sum();
        if self.bytes + cost > config.max_bytes {
            return Some("memory store bytes");
        }
        let new: std::collections::BTreeSet<&Subject> = batch
            .iter()
            .map(|message| &message.subject)
            .filter(|subject| !self.subjects.contains_key(*subject))
            .collect();
        if self.subjects.len() + new.len() > config.max_subjects {
            return Some("memory store subjects");
        }
        let names: usize = new.iter().map(|subject| subject.as_bytes().len()).sum();
        let is_full = self.subject_bytes + names > config.max_subject_bytes;
        is_full.then_some("memory store subject bytes")
    }

    fn insert(&mut self, message: &Message) {
        self.time = self.time.max(Some(message.published_at));
        if !self.subjects.contains_key(&message.subject) {
            self.subject_bytes += message.subject.as_bytes().len();
            self.subjects.insert(message.subject.clone(), Kept::default());
        }
        let Some(kept) = self.subjects.get_mut(&message.subject) else { return };
        kept.last = kept.last.max(message.id);
        if message.id <= kept.purged || kept.messages.contains_key(&message.id) {
            return;
        }
        let content = Content::of(message);
        self.bytes += content.cost();
        kept.messages.insert(message.id, content);
        if let Some(expires_at) = message.expires_at {
            self.expiries
                .entry(expires_at)
                .or_default()
                .push((message.subject.clone(), message.id));
        }
    }

    fn remove(&mut self, subject: &Subject, id: MessageId) -> Option<usize> {
        let content = self.subjects.get_mut(subject)?.messages.remove(&id)?;
        let cost = content.cost();
        self.bytes -= cost;
        Some(cost)
    }

    fn page(&self, subject: &Subject, after: MessageId, limit: usize) -> Page {
        let mut page = Page::default();
        let Some(kept) = self.subjects.get(subject) else { return page };
        let mut bytes = 0;
        for (id, content) in kept.messages.range(after.next()..) {
            if bytes >= limit && !page.messages.is_empty() {
                page.next = Some(MessageId(id.0 - 1));
                break;
            }
            bytes += content.bytes() + subject.as_bytes().len();
            page.messages.push(Stored::Message(content.message(subject, *id)));
        }
        page
    }

    fn reclaim(&mut self, now: Timestamp) -> Reclaimed {
        let mut reclaimed = Reclaimed::default();
        while let Some(entry) = self.expiries.first_entry() {
            if *entry.key() > now {
                return reclaimed;
            }
            if reclaimed.messages >= RECLAIM_STEP {
                reclaimed.more = true;
                return reclaimed;
            }
            let (expires_at, mut due) = entry.remove_entry();
            let room = usize::try_from(RECLAIM_STEP - reclaimed.messages).unwrap_or(usize::MAX);
            let rest = due.split_off(room.min(due.len()));
            for (subject, id) in due {
                if let Some(cost) = self.remove(&subject, id) {
                    reclaimed.messages += 1;
                    reclaimed.bytes += cost as u64;
                }
            }
            if !rest.is_empty() {
                self.expiries.entry(expires_at).or_default().extend(rest);
            }
        }
        reclaimed
    }
}

/// An answer that is there at once.
fn answer<T: Send + 'static>(value: T) -> StorageFuture<T> {
    Box::pin(ready(value))
}

impl Storage for MemoryStorage {
    fn append(
        &self,
        batch: Vec<Arc<Message>>,
    ) -> StorageFuture<Result<Vec<Appended>, AppendError>> {
        let mut state = self.state.lock();
        if state.is_closed {
            return answer(Err(AppendError::Unavailable("the store is closed".into())));
        }
        if let Some(bound) = state.full(&batch, &self.config) {
            return answer(Err(AppendError::Full(bound)));
        }
        for message in &batch {
            state.insert(message);
        }
        answer(Ok(vec![Appended::Stored; batch.len()]))
    }

    fn fetch(
        &self,
        subject: &Subject,
        id: MessageId,
    ) -> StorageFuture<Result<Option<Arc<Message>>, ReadError>> {
        let state = self.state.lock();
        let content = state.subjects.get(subject).and_then(|kept| kept.messages.get(&id));
        answer(Ok(content.map(|content| content.message(subject, id))))
    }

    fn read_after(
        &self,
        subject: &Subject,
        after: MessageId,
        limit: usize,
    ) -> StorageFuture<Result<Page, ReadError>> {
        answer(Ok(self.state.lock().page(subject, after, limit)))
    }

    fn last_id(&self, subject: &Subject) -> StorageFuture<Result<MessageId, ReadError>> {
        let state = self.state.lock();
        answer(Ok(state.subjects.get(subject).map_or(MessageId::NONE, |kept| kept.last)))
    }

    fn subjects(
        &self,
        after: Option<&Subject>,
        limit: usize,
    ) -> StorageFuture<Result<Vec<SubjectSummary>, ReadError>> {
        use std::ops::Bound::{Excluded, Unbounded};
        let state = self.state.lock();
        let from = after.map_or(Unbounded, Excluded);
        let summaries = state
            .subjects
            .range::<Subject, _>((from, Unbounded))
            .take(limit)
            .map(|(subject, kept)| SubjectSummary { subject: subject.clone(), last_id: kept.last })
            .collect();
        answer(Ok(summaries))
    }

    fn purge(&self, subject: &Subject, up_to: MessageId) -> StorageFuture<Result<(), AppendError>> {
        let mut state = self.state.lock();
        if state.is_closed {
            return answer(Err(AppendError::Unavailable("the store is closed".into())));
        }
        if let Some(kept) = state.subjects.get_mut(subject) {
            let rest = kept.messages.split_off(&up_to.next());
            let gone = std::mem::replace(&mut kept.messages, rest);
            kept.purged = kept.purged.max(up_to);
            state.bytes -= gone.values().map(Content::cost).sum::<usize>();
        }
        answer(Ok(()))
    }

    fn reclaim(&self, now: Timestamp) -> StorageFuture<Result<Reclaimed, ReadError>> {
        answer(Ok(self.state.lock().reclaim(now)))
    }

    fn keep_time(&self, now: Timestamp) -> StorageFuture<Result<(), AppendError>> {
        let mut state = self.state.lock();
        state.time = state.time.max(Some(now));
        answer(Ok(()))
    }

    fn kept_time(&self) -> Timestamp {
        self.state.lock().time.unwrap_or(Timestamp::MIN)
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }

    fn writable(&self) -> Writable {
        if self.state.lock().is_closed {
            Writable::Closed("the store is closed".into())
        } else {
            Writable::Yes
        }
    }

    fn close(&self) -> StorageFuture<Result<(), ReadError>> {
        self.state.lock().is_closed = true;
        answer(Ok(()))
    }
}
