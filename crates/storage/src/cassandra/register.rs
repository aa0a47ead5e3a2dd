//! The latest time that is kept with the data.
//!
//! Of two cells with the same timestamp the database keeps the one whose bytes are the higher: so a time
//! that is written as bytes in its order, always with the same timestamp, only ever rises, whoever writes
//! it and whenever it arrives. Times that wait while one is being written go together into the next write.
//!
//! Under load a time is kept a little ahead of need, so that an append rarely waits for it: the server
//! syncs its log for each of both. Whoever opens the store next waits until that time is there
//! ([`reached`]), so that no message expires early.

use super::{database::Database, failure::Failure, owner::SHARD};
use broker_core::{SystemTime, TimeSource, Timestamp};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use tokio::sync::oneshot;

/// The kind of the fact.
pub const KIND: &str = "kept_time";

/// How far ahead of need a time is kept, in nanoseconds: less than any start takes.
const AHEAD: i64 = 100_000_000;

/// How far from the wall clock a time may be, in nanoseconds, to be kept ahead: one that is farther away
/// is not reached by waiting.
const NEAR: i64 = 1_000_000_000;

/// The register, and what waits for it.
pub struct Register {
    database: Arc<Database>,
    state: Mutex<State>,
}

/// Who waits for a time to be kept.
type Sender = oneshot::Sender<Result<(), Failure>>;

struct State {
    kept: Timestamp,
    /// The latest time that is wanted.
    wanted: Timestamp,
    waiting: Vec<(Timestamp, Sender)>,
    is_writing: bool,
}

/// Waits until a time that was kept ahead of need is there.
pub async fn reached(kept: Timestamp) {
    let ahead = kept.0.saturating_sub(SystemTime.wall().0);
    if (1..=AHEAD).contains(&ahead) {
        tokio::time::sleep(Duration::from_nanos(ahead.unsigned_abs())).await;
    }
}

/// The time to keep where this one is used.
fn goal(time: Timestamp, wall: Timestamp) -> Timestamp {
    let is_near = time.0.abs_diff(wall.0) < NEAR.unsigned_abs();
    if is_near { Timestamp(time.0 + AHEAD) } else { time }
}

impl Register {
    pub fn new(database: Arc<Database>, kept: Timestamp) -> Self {
        let state = State { kept, wanted: kept, waiting: Vec::new(), is_writing: false };
        Self { database, state: Mutex::new(state) }
    }

    pub fn kept(&self) -> Timestamp {
        self.state.lock().kept
    }

    /// Has a time kept, unless a later one is.
    pub async fn keep(self: &Arc<Self>, time: Timestamp) -> Result<(), Failure> {
        let goal = goal(time, SystemTime.wall());
        let kept = {
            let mut state = self.state.lock();
            // What is ahead by half is soon enough written again.
            let is_kept = time <= state.kept;
            if is_kept && goal.0.saturating_sub(state.kept.0) < AHEAD / 2 {
                return Ok(());
            }
            state.wanted = state.wanted.max(goal);
            if !state.is_writing {
                state.is_writing = true;
                tokio::spawn(self.clone().write());
            }
            if is_kept {
                return Ok(());
            }
            let (sender, kept) = oneshot::channel();
            state.waiting.push((time, sender));
            kept
        };
        kept.await.unwrap_or_else(|_| Err(Failure::Unknown("the writer was stopped".into())))
    }

    /// Writes until nothing is wanted.
    async fn write(self: Arc<Self>) {
        while let Some(wanted) = self.next() {
            let result = self.put(wanted).await;
            for sender in self.settle(wanted, result.is_ok()) {
                // Who does not wait any more does not want to know.
                let _ = sender.send(result.clone());
            }
        }
    }

    fn next(&self) -> Option<Timestamp> {
        let mut state = self.state.lock();
        state.is_writing = state.wanted > state.kept;
        state.is_writing.then_some(state.wanted)
    }

    /// Notes what became of a write; answers those whom it tells something, whenever they came.
    fn settle(&self, written: Timestamp, is_kept: bool) -> Vec<Sender> {
        let mut state = self.state.lock();
        if is_kept {
            state.kept = state.kept.max(written);
        }
        let waiting = std::mem::take(&mut state.waiting);
        let (told, waiting): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(time, _)| *time <= written);
        if !is_kept {
            // Whoever needs the rest wants it again.
            state.wanted = waiting.iter().map(|(time, _)| *time).fold(state.kept, Timestamp::max);
        }
        state.waiting = waiting;
        told.into_iter().map(|(_, sender)| sender).collect()
    }

    async fn put(&self, time: Timestamp) -> Result<(), Failure> {
        let statement = &self.database.statements.facts.keep_time;
        let bytes = encode(time);
        self.database
            .patiently(|| async {
                self.database.write(statement, (SHARD, KIND, &bytes[..])).await.map(drop)
            })
            .await
    }
}

/// A time as bytes that have its order.
fn encode(time: Timestamp) -> [u8; 8] {
    (time.0 ^ i64::MIN).to_be_bytes()
}

/// What [`encode`] made.
pub fn decode(bytes: &[u8]) -> Option<Timestamp> {
    Some(Timestamp(i64::from_be_bytes(bytes.try_into().ok()?) ^ i64::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_waiting_reaches_is_kept_ahead() {
        let wall = Timestamp(7 * NEAR);
        for time in [wall.0, wall.0 - NEAR + 1, wall.0 + NEAR - 1] {
            assert_eq!(goal(Timestamp(time), wall), Timestamp(time + AHEAD));
        }
        for time in [i64::MIN, 0, wall.0 - NEAR, wall.0 + NEAR, i64::MAX] {
            assert_eq!(goal(Timestamp(time), wall), Timestamp(time));
        }
    }

    proptest! {
        #[test]
        fn bytes_have_the_order_of_times(a: i64, b: i64) {
            let (first, second) = (encode(Timestamp(a)), encode(Timestamp(b)));
            prop_assert_eq!(a.cmp(&b), first.cmp(&second));
            prop_assert_eq!(decode(&first), Some(Timestamp(a)));
        }
    }
}
