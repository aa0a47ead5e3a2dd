//! Acknowledgements between who writes them and the response that hands them on.

use crate::{ack::Acks, results::Waiting, status::Problem};
use broker_core::Durability;
use bytes::Bytes;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The acknowledgements of one stream that wait to be handed on.
pub struct Outbox {
    state: Mutex<State>,
    waiting: Arc<Waiting>,
    more: Notify,
}

struct State {
    acks: Acks,
    /// What was told to `waiting` of the acknowledgements.
    held: usize,
    end: End,
}

enum End {
    Open,
    /// After what is there: well, or with a problem.
    Coming(Option<Problem>),
    Told,
}

impl Outbox {
    pub fn new(durability: Durability, waiting: Arc<Waiting>) -> Self {
        let state = State { acks: Acks::new(durability), held: 0, end: End::Open };
        Self { state: Mutex::new(state), waiting, more: Notify::new() }
    }

    /// Adds results. They are seen with the next [`Outbox::deliver`], or earlier.
    pub fn put(&self, write: impl FnOnce(&mut Acks)) {
        let mut state = self.lock();
        write(&mut state.acks);
        let weight = state.acks.weight();
        let added = weight.saturating_sub(state.held);
        state.held += added;
        self.waiting.hold(added);
    }

    /// Wakes the response.
    pub fn deliver(&self) {
        self.more.notify_one();
    }

    /// Nothing more comes; why.
    pub fn end(&self, problem: Option<Problem>) {
        self.lock().end = End::Coming(problem);
        self.deliver();
    }

    /// The next frame; a problem, or nothing, at the end.
    pub async fn take(&self) -> Option<Result<Bytes, Problem>> {
        loop {
            if let Some(next) = self.try_take() {
                return next;
            }
            self.more.notified().await;
        }
    }

    fn try_take(&self) -> Option<Option<Result<Bytes, Problem>>> {
        let mut state = self.lock();
        if let Some(frame) = state.acks.take() {
            let weight = frame.weight().min(state.held);
            state.held -= weight;
            self.waiting.remove(frame.results, weight);
            return Some(Some(Ok(frame.bytes)));
        }
        match std::mem::replace(&mut state.end, End::Told) {
            End::Open => {
                state.end = End::Open;
                None
            }
            End::Coming(Some(problem)) => Some(Some(Err(problem))),
            End::Coming(None) | End::Told => Some(None),
        }
    }

    /// A panic while it was held has left whole results behind.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
