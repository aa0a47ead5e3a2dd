//! Messages that wait for a writer.

use super::{bucket::Bucket, call::Call};
use crate::database::Word;
use broker_core::Message;
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// Messages in one statement at most.
const GROUP_ROWS: usize = 8_192;

/// Bytes of messages in one statement, but for one that is larger alone: more makes a statement
/// hardly cheaper, and each writer's connection holds them more than once while they are sent.
const GROUP_BYTES: usize = 2 * 1024 * 1024;

/// One message, and where its answer belongs.
pub struct Waiting {
    /// The message.
    pub message: Arc<Message>,
    /// Whose it is.
    pub call: Arc<Call>,
    /// Its place there.
    pub place: usize,
    /// Since when it waits.
    pub since: Instant,
    order: u64,
}

/// Messages of one bucket, taken for one statement.
pub struct Group {
    /// Where they belong.
    pub bucket: Bucket,
    /// At least one.
    pub messages: Vec<Waiting>,
}

/// The queue, in lanes by bucket: what is in one goes together.
pub struct Inbox {
    limit: usize,
    state: Mutex<State>,
    /// Somebody may take something, or all is over.
    ready: Notify,
    /// For whoever watches how long something waits.
    arrived: Notify,
}

#[derive(Default)]
struct State {
    lanes: BTreeMap<Bucket, VecDeque<Waiting>>,
    /// Of what waits or is in hand.
    bytes: usize,
    order: u64,
    is_closed: bool,
}

/// Why nothing was put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no room for it.
    Full,
    /// It takes no more.
    Closed,
}

impl Inbox {
    /// Bytes of what waits or is in hand.
    pub fn bytes(&self) -> usize {
        self.state.lock().bytes
    }

    /// Most of them.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// For that many bytes of messages.
    pub fn new(limit: usize) -> Self {
        let (ready, arrived) = (Notify::new(), Notify::new());
        Self { limit, state: Mutex::default(), ready, arrived }
    }

    /// Puts in the messages of a call, all of them or none.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn put(
        &self,
        messages: impl IntoIterator<Item = (usize, Bucket, Arc<Message>)>,
        bytes: usize,
        call: &Arc<Call>,
    ) -> Result<(), Refusal> {
        let since = Instant::now();
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(Refusal::Closed);
        }
        // What is larger than the limit waits alone.
        if state.bytes > 0 && state.bytes.saturating_add(bytes) > self.limit {
            return Err(Refusal::Full);
        }
        state.bytes += bytes;
        for (place, bucket, message) in messages {
            let order = state.order;
            state.order += 1;
            let waiting = Waiting { message, call: call.clone(), place, since, order };
            state.lanes.entry(bucket).or_default().push_back(waiting);
        }
        drop(state);
        self.ready.notify_one();
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits until there is something to take. `false`: there will never be.
    pub async fn ready(&self) -> bool {
        loop {
            {
                let state = self.state.lock();
                if !state.lanes.is_empty() {
                    return true;
                }
                if state.is_closed {
                    self.ready.notify_one();
                    return false;
                }
            }
            self.ready.notified().await;
        }
    }

    /// Takes what has waited longest, and what goes with it.
    pub fn take(&self) -> Option<Group> {
        let mut state = self.state.lock();
        let oldest = |(_, lane): &(&Bucket, &VecDeque<Waiting>)| lane.front().map(|it| it.order);
        let bucket = *state.lanes.iter().min_by_key(oldest)?.0;
        let lane = state.lanes.get_mut(&bucket)?;
        let (mut bytes, mut rows) = (0, 0);
        for waiting in lane.iter().take(GROUP_ROWS) {
            bytes += waiting.message.weight();
            if rows > 0 && bytes > GROUP_BYTES {
                break;
            }
            rows += 1;
        }
        let messages: Vec<_> = lane.drain(..rows).collect();
        if lane.is_empty() {
            state.lanes.remove(&bucket);
        }
        if !state.lanes.is_empty() {
            self.ready.notify_one();
        }
        Some(Group { bucket, messages })
    }

    /// Puts back what was taken and not sent, to be taken first of its bucket.
    pub fn put_back(&self, messages: Vec<(Bucket, Waiting)>) {
        let mut state = self.state.lock();
        for (bucket, waiting) in messages.into_iter().rev() {
            state.lanes.entry(bucket).or_default().push_front(waiting);
        }
        drop(state);
        self.ready.notify_one();
    }

    /// Answers messages that were taken.
    pub fn answer(&self, messages: Vec<Waiting>, word: &Word) {
        let bytes = answer(messages, word);
        self.state.lock().bytes -= bytes;
    }

    /// Since when the message that has waited longest waits; waits for one.
    pub async fn oldest(&self) -> Instant {
        loop {
            let arrived = self.arrived.notified();
            let oldest = {
                let state = self.state.lock();
                state.lanes.values().filter_map(|lane| Some(lane.front()?.since)).min()
            };
            match oldest {
                Some(since) => return since,
                None => arrived.await,
            }
        }
    }

    /// Answers everything that waits for longer than that as unavailable.
    pub fn give_up(&self, longer_than: Duration, why: &str) {
        let now = Instant::now();
        let mut given_up = Vec::new();
        let mut state = self.state.lock();
        for lane in state.lanes.values_mut() {
            while lane.front().is_some_and(|it| now.duration_since(it.since) >= longer_than) {
                given_up.extend(lane.pop_front());
            }
        }
        state.lanes.retain(|_, lane| !lane.is_empty());
        drop(state);
        let bytes = answer(given_up, &Word::Unavailable(why.into()));
        self.state.lock().bytes -= bytes;
    }

    /// Takes no more; what is there is still to be written.
    pub fn close(&self) {
        self.state.lock().is_closed = true;
        self.ready.notify_one();
    }
}

/// Answers messages; the bytes they held.
fn answer(messages: Vec<Waiting>, word: &Word) -> usize {
    let mut bytes = 0;
    for waiting in messages {
        bytes += waiting.message.weight();
        waiting.call.answer(waiting.place, word.clone());
    }
    bytes
}
