//! The latest time that is kept with the data.
//!
//! Of two cells with the same timestamp the database keeps the one whose bytes are the higher: so a time
//! that is written as bytes in its order, always with the same timestamp, only ever rises, whoever writes
//! it and whenever it arrives. Times that wait while one is being written go together into the next write.

use super::{database::Database, failure::Failure, owner::SHARD};
use broker_core::Timestamp;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::oneshot;

/// The kind of the fact.
pub const KIND: &str = "kept_time";

/// The register, and what waits for it.
pub struct Register {
    database: Arc<Database>,
    state: Mutex<State>,
}

/// A time to be kept, and who waits for it.
type Waiting = (Timestamp, oneshot::Sender<Result<(), Failure>>);

struct State {
    kept: Timestamp,
    waiting: Vec<Waiting>,
    is_writing: bool,
}

impl Register {
    pub fn new(database: Arc<Database>, kept: Timestamp) -> Self {
        let state = State { kept, waiting: Vec::new(), is_writing: false };
        Self { database, state: Mutex::new(state) }
    }

    pub fn kept(&self) -> Timestamp {
        self.state.lock().kept
    }

    /// Has a time kept, unless a later one is.
    pub async fn keep(self: &Arc<Self>, time: Timestamp) -> Result<(), Failure> {
        let kept = {
            let mut state = self.state.lock();
            if time <= state.kept {
                return Ok(());
            }
            let (sender, kept) = oneshot::channel();
            state.waiting.push((time, sender));
            if !state.is_writing {
                state.is_writing = true;
                tokio::spawn(self.clone().write());
            }
            kept
        };
        kept.await.unwrap_or_else(|_| Err(Failure::Unknown("the writer was stopped".into())))
    }

    /// Writes until nothing waits.
    async fn write(self: Arc<Self>) {
        while let Some(waiting) = self.next() {
            let latest = waiting.iter().map(|(time, _)| *time).max().unwrap_or(Timestamp::MIN);
            let result = self.put(latest).await;
            if result.is_ok() {
                let mut state = self.state.lock();
                state.kept = state.kept.max(latest);
            }
            for (_, sender) in waiting {
                // Who does not wait any more does not want to know.
                let _ = sender.send(result.clone());
            }
        }
    }

    fn next(&self) -> Option<Vec<Waiting>> {
        let mut state = self.state.lock();
        let waiting = std::mem::take(&mut state.waiting);
        state.is_writing = !waiting.is_empty();
        state.is_writing.then_some(waiting)
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

    proptest! {
        #[test]
        fn bytes_have_the_order_of_times(a: i64, b: i64) {
            let (first, second) = (encode(Timestamp(a)), encode(Timestamp(b)));
            prop_assert_eq!(a.cmp(&b), first.cmp(&second));
            prop_assert_eq!(decode(&first), Some(Timestamp(a)));
        }
    }
}
