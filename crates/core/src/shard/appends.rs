//! Messages on their way to the store.

use super::keeping::{self, Kept, Placed, Try};
use crate::{shared::Shared, trace::live::Live};
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};

/// Appends of one kind: so many are under way at once, and what is beyond waits for its turn. First
/// tries and repeated ones are kept apart, so that neither waits for the other.
pub struct Appends {
    which: Try,
    waiting: VecDeque<Placed>,
    under_way: FuturesUnordered<BoxFuture<'static, Kept>>,
}

impl Appends {
    pub fn new(which: Try) -> Self {
        Self { which, waiting: VecDeque::new(), under_way: FuturesUnordered::new() }
    }

    pub fn add(&mut self, placed: Placed) {
        self.waiting.push_back(placed);
    }

    pub fn add_all(&mut self, placed: Vec<Placed>) {
        self.waiting.extend(placed);
    }

    /// Hands the store what waits, in as few appends as there may be.
    pub fn start(&mut self, shared: &Arc<Shared>, spans: &Live) {
        let limits = &shared.limits;
        while !self.waiting.is_empty() && self.under_way.len() < limits.appends_in_flight {
            let size = self.waiting.len().min(limits.append_messages);
            let mut batch: Vec<_> = self.waiting.drain(..size).collect();
            if self.which == Try::Again {
                // They come from several appends, and within one the ids of a subject ascend.
                batch.sort_unstable_by_key(|(_, place)| *place);
            }
            let spans = spans.of(batch.iter().map(|(message, _)| message));
            self.under_way.push(keeping::keep(shared, self.which, batch, spans).boxed());
        }
        if self.which == Try::First {
            shared.appends.store(self.under_way.len(), Ordering::Relaxed);
        }
    }

    /// What became of the next append that ends; pending while there is none.
    pub async fn next(&mut self) -> Kept {
        match self.under_way.next().await {
            Some(kept) => kept,
            None => std::future::pending().await,
        }
    }

    /// What waits and was not handed to the store.
    pub fn take_waiting(&mut self) -> impl Iterator<Item = Placed> + '_ {
        self.waiting.drain(..)
    }
}
