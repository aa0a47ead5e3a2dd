//! The live end of a subject: released messages, held until every subscriber took them.
//!
//! A tail is pushed to by the shard alone and read by subscriptions from other tasks. A reader that
//! is too slow does not stop it: the oldest messages are evicted, and the reader finds itself
//! [`Taken::Behind`] and goes back to the store. Positions count every message that was ever pushed.

mod backlog;
mod reader;
#[cfg(test)]
mod tests;

pub use backlog::Backlog;
pub use reader::Reader;

use crate::{Message, MessageId, SubscriptionEnd, sync::Mutex};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// The messages of one subject that some subscriber has still to take.
pub struct Tail {
    backlog: Arc<Backlog>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    entries: VecDeque<Entry>,
    /// Position of the first entry.
    start: u64,
    /// The highest stored id that was passed before the first entry: what lies between a reader's
    /// last id and this one is in the store only.
    base: MessageId,
    /// Delivered-only messages ever pushed.
    delivered_only: u64,
    /// Weight of the entries.
    weight: usize,
    /// Positions of readers, and how many stand there: the first key is where trimming stops.
    cursors: BTreeMap<u64, usize>,
    readers: slab::Slab<ReaderState>,
    /// Readers that found nothing and left a waker.
    waiting: Vec<usize>,
    end: Option<SubscriptionEnd>,
}

struct Entry {
    message: Arc<Message>,
    /// Delivered-only messages pushed before this one.
    delivered_only_before: u64,
}

struct ReaderState {
    position: u64,
    waker: Option<Waker>,
}

/// One message as a reader takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The message.
    pub message: Arc<Message>,
    /// Delivered-only messages pushed before it since the tail began: what a reader that counts
    /// its own finds missing was lost to it.
    pub delivered_only_before: u64,
}

/// What a reader finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Take {
    /// Messages were appended to the list.
    Messages,
    /// What came next was evicted: read the store up to this id, then take again.
    Behind(MessageId),
    /// The tail ended and the reader has taken all of it.
    End(SubscriptionEnd),
}

impl Tail {
    /// An empty tail of a subject whose last released id is `base`.
    pub fn new(base: MessageId, backlog: Arc<Backlog>) -> Self {
        Self { backlog, state: Mutex::new(State { base, ..State::default() }) }
    }

    /// Appends released messages, in order, and wakes who waits for them. Answers whether the tail
    /// holds anything now.
    pub fn push(&self, messages: impl Iterator<Item = Arc<Message>>) -> bool {
        let mut state = self.state.lock();
        let before = state.weight;
        for message in messages {
            state.push(message);
        }
        let added = state.weight - before;
        let holds = !state.entries.is_empty();
        // Counted while the lock is held: a reader that trims subtracts only what was added.
        self.backlog.add(added);
        let wakers = state.take_wakers();
        // Woken tasks want the lock at once: let go first.
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        holds
    }

    /// Adds a reader at the end. What is released from now on reaches it.
    pub fn attach(self: &Arc<Self>) -> Reader {
        let mut state = self.state.lock();
        let position = state.end_position();
        *state.cursors.entry(position).or_default() += 1;
        let key = state.readers.insert(ReaderState { position, waker: None });
        let accounted = state.delivered_only;
        drop(state);
        Reader::new(self.clone(), key, accounted)
    }

    /// How many readers are attached.
    pub fn readers(&self) -> usize {
        self.state.lock().readers.len()
    }

    /// Weight of what is held.
    pub fn weight(&self) -> usize {
        self.state.lock().weight
    }

    /// Drops the oldest messages until no more than half of the present weight is left; at least one.
    pub fn evict_half(&self) {
        let mut state = self.state.lock();
        let goal = state.weight / 2;
        let before = state.weight;
        while state.pop_front() && state.weight > goal {}
        self.backlog.subtract(before - state.weight);
    }

    /// Ends the tail: readers take what is left, then learn why it ended.
    pub fn end(&self, why: SubscriptionEnd) {
        let mut state = self.state.lock();
        state.end.get_or_insert(why);
        let wakers = state.take_wakers();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Takes what follows a reader's position, until its weight passes `limit`.
    fn poll_take(
        &self,
        key: usize,
        limit: usize,
        into: &mut Vec<Taken>,
        context: &Context<'_>,
    ) -> Poll<Take> {
        let mut state = self.state.lock();
        let position = state.readers[key].position;
        if position < state.start {
            let (start, base) = (state.start, state.base);
            state.move_reader(key, start);
            return Poll::Ready(Take::Behind(base));
        }
        let taken = state.copy_from(position, limit, into);
        if taken == 0 {
            return match state.end {
                Some(end) => Poll::Ready(Take::End(end)),
                None => {
                    state.wait(key, context);
                    Poll::Pending
                }
            };
        }
        state.move_reader(key, position + taken);
        let trimmed = state.trim();
        self.backlog.subtract(trimmed);
        Poll::Ready(Take::Messages)
    }

    fn detach(&self, key: usize) {
        let mut state = self.state.lock();
        let reader = state.readers.remove(key);
        state.waiting.retain(|waiting| *waiting != key);
        state.leave(reader.position);
        let trimmed = state.trim();
        self.backlog.subtract(trimmed);
        if state.readers.is_empty() {
            // An idle subject costs nothing but its name.
            state.entries.shrink_to_fit();
            state.waiting.shrink_to_fit();
            state.readers.shrink_to_fit();
        }
    }
}

impl State {
    fn end_position(&self) -> u64 {
        self.start + self.entries.len() as u64
    }

    fn push(&mut self, message: Arc<Message>) {
        let delivered_only_before = self.delivered_only;
        if !message.is_stored() {
            self.delivered_only += 1;
        }
        if self.readers.is_empty() {
            self.pass(message.id);
            return;
        }
        self.weight += message.weight();
        self.entries.push_back(Entry { message, delivered_only_before });
    }

    fn pass(&mut self, id: MessageId) {
        self.start += 1;
        self.base = self.base.max(id);
    }

    fn pop_front(&mut self) -> bool {
        let Some(entry) = self.entries.pop_front() else { return false };
        self.weight -= entry.message.weight();
        self.pass(entry.message.id);
        true
    }

    /// Drops what every reader has taken; answers its weight.
    fn trim(&mut self) -> usize {
        let needed = self.cursors.keys().next().copied().unwrap_or(u64::MAX);
        let before = self.weight;
        while self.start < needed && self.pop_front() {}
        before - self.weight
    }

    fn copy_from(&self, position: u64, limit: usize, into: &mut Vec<Taken>) -> u64 {
        let skip = usize::try_from(position - self.start).unwrap_or(usize::MAX);
        let (mut weight, mut taken) = (0, 0);
        for entry in self.entries.iter().skip(skip) {
            if weight >= limit {
                break;
            }
            weight += entry.message.weight();
            taken += 1;
            into.push(Taken {
                message: entry.message.clone(),
                delivered_only_before: entry.delivered_only_before,
            });
        }
        taken
    }

    fn move_reader(&mut self, key: usize, to: u64) {
        let from = std::mem::replace(&mut self.readers[key].position, to);
        self.leave(from);
        *self.cursors.entry(to).or_default() += 1;
    }

    fn leave(&mut self, position: u64) {
        if let Some(count) = self.cursors.get_mut(&position) {
            *count -= 1;
            if *count == 0 {
                self.cursors.remove(&position);
            }
        }
    }

    fn wait(&mut self, key: usize, context: &Context<'_>) {
        let slot = &mut self.readers[key].waker;
        match slot {
            Some(waker) => waker.clone_from(context.waker()),
            None => {
                *slot = Some(context.waker().clone());
                self.waiting.push(key);
            }
        }
    }

    fn take_wakers(&mut self) -> Vec<Waker> {
        let Self { waiting, readers, .. } = self;
        waiting.drain(..).filter_map(|key| readers[key].waker.take()).collect()
    }
}
