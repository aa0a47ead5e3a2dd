//! Where the store's threads are asked for something.

use super::{answer, gate::Gate, job, upkeep};
use broker_core::{AppendError, ReadError, Reclaimed, StorageFuture, Timestamp};
use parking_lot::Mutex;
use std::sync::{Arc, mpsc};
use tokio::sync::oneshot;

/// The ways to both threads.
pub struct Senders {
    pub writer: mpsc::Sender<job::Job>,
    pub upkeep: mpsc::Sender<upkeep::Job>,
}

/// Takes what the threads are to do. Cheap to clone.
#[derive(Clone)]
pub struct Inbox {
    gate: Arc<Gate>,
    /// Taken when the store is let go, so that the threads end.
    senders: Arc<Mutex<Option<Senders>>>,
}

impl Inbox {
    pub fn new(gate: Arc<Gate>, senders: Senders) -> Self {
        Self { gate, senders: Arc::new(Mutex::new(Some(senders))) }
    }

    /// Hands the writer a job, if it takes some and there is room for it.
    pub fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, AppendError>>) -> job::Job,
    ) -> StorageFuture<Result<T, AppendError>> {
        if let Some(why) = self.gate.refusal() {
            return answer(Err(AppendError::Unavailable(why)));
        }
        let (reply, word) = oneshot::channel();
        let job = job(reply);
        if !self.gate.enqueue(job::weight(&job)) {
            return answer(Err(AppendError::Full("local store queue")));
        }
        if let Some(senders) = &*self.senders.lock() {
            // A writer that ended lets go of the answer's other end, which its asker understands.
            let _ = senders.writer.send(job);
        }
        Box::pin(async move {
            let gone = || Err(AppendError::Unavailable("the store is closed".into()));
            word.await.unwrap_or_else(|_| gone())
        })
    }

    /// Has the upkeep give space back.
    pub fn reclaim(&self, now: Timestamp) -> StorageFuture<Result<Reclaimed, ReadError>> {
        let (reply, word) = oneshot::channel();
        if let Some(senders) = &*self.senders.lock() {
            // As in `ask`.
            let _ = senders.upkeep.send(upkeep::Job::Reclaim { now, reply });
        }
        Box::pin(async move {
            let gone = || Err(ReadError::Unavailable("the store is closed".into()));
            word.await.unwrap_or_else(|_| gone())
        })
    }

    /// Has both threads end.
    pub fn stop(&self) {
        if let Some(senders) = self.senders.lock().take() {
            // They can reach each other, so they end by a word and not by being left alone; one that has
            // ended does not hear it.
            let _ = senders.writer.send(job::Job::Stop);
            let _ = senders.upkeep.send(upkeep::Job::Stop);
        }
    }
}
