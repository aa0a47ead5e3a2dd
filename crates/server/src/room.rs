//! Room for bytes that calls hold: a bound over all of them.

use crate::{
    limits::{ROOM_WAIT, WAITING_CALLS},
    observe::RpcObserver,
    status::Problem,
    usage::Meters,
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// What a call holds of a [`Room`]; given back when it is dropped.
pub type Share = OwnedSemaphorePermit;

/// Room for a number of bytes, given out in the order of asking.
#[derive(Clone)]
pub struct Room {
    bytes: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    limit: usize,
    /// The name of the limit, for who is refused.
    name: &'static str,
    observer: Arc<dyn RpcObserver>,
}

impl Room {
    pub fn new(name: &'static str, limit: usize, observer: Arc<dyn RpcObserver>) -> Self {
        // A share is counted in 32 bits.
        let limit = limit.clamp(1, (u32::MAX as usize).min(Semaphore::MAX_PERMITS));
        let bytes = Arc::new(Semaphore::new(limit));
        Self { bytes, waiting: Arc::default(), limit, name, observer }
    }

    /// Room for this many bytes (for all there is, if they are more), waiting for it.
    ///
    /// # Errors
    /// OVERLOADED when it does not come free in time, or when too many wait for it.
    pub async fn take(&self, bytes: usize) -> Result<Share, Problem> {
        if let Ok(share) = self.try_take(bytes) {
            return Ok(share);
        }
        // Who waits is not read, and what its client sent stands in the transport: few may.
        let waiting = Waiting(&self.waiting);
        if waiting.0.fetch_add(1, Ordering::Relaxed) >= WAITING_CALLS {
            return Err(self.full());
        }
        self.wait(bytes).await
    }

    /// As [`Room::take`], however many wait: for who holds little meanwhile, and is counted elsewhere.
    ///
    /// # Errors
    /// OVERLOADED when it does not come free in time.
    pub async fn wait(&self, bytes: usize) -> Result<Share, Problem> {
        let share = timeout(ROOM_WAIT, self.bytes.clone().acquire_many_owned(self.weight(bytes)));
        match share.await {
            Ok(Ok(share)) => Ok(share),
            // The semaphore is never closed.
            Ok(Err(_)) | Err(_) => Err(self.full()),
        }
    }

    /// Room for this many bytes, if there is some now.
    ///
    /// # Errors
    /// OVERLOADED.
    pub fn try_take(&self, bytes: usize) -> Result<Share, Problem> {
        let share = self.bytes.clone().try_acquire_many_owned(self.weight(bytes));
        share.map_err(|_| Problem::Overloaded(self.name))
    }

    /// The answer to who finds no room, told to the observer too.
    pub fn full(&self) -> Problem {
        self.observer.overloaded(self.name);
        Problem::Overloaded(self.name)
    }

    /// Has what is given out measured.
    pub fn measured_by(&self, meters: &Meters) {
        meters.permits(self.name, &self.bytes, self.limit);
    }

    fn weight(&self, bytes: usize) -> u32 {
        // The limit fits by construction.
        u32::try_from(bytes.min(self.limit)).unwrap_or(u32::MAX)
    }
}

struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::NoRpcObserver;

    fn room(limit: usize) -> Room {
        Room::new("bytes", limit, Arc::new(NoRpcObserver))
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_waits_and_is_refused_in_the_end() {
        let room = room(10);
        let share = room.take(8).await.unwrap();
        assert!(room.try_take(3).is_err());
        assert_eq!(room.take(3).await.unwrap_err(), Problem::Overloaded("bytes"));
        drop(share);
        assert!(room.take(10).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_larger_than_the_room_gets_all_of_it() {
        let room = room(10);
        let share = room.take(1_000).await.unwrap();
        assert_eq!(share.num_permits(), 10);
    }
}
