//! What an observer hears.

use super::*;
use crate::{
    Faulty, MemoryConfig, MemoryStorage,
    faulty::{Hold, Script, WriteFault, WritePlan},
};
use broker_core::{Headers, ManualTime};
use bytes::Bytes;
use parking_lot::Mutex;
use std::time::Duration;

#[derive(Default)]
struct Log(Mutex<Vec<StorageCall>>);

impl StorageObserver for Log {
    fn ended(&self, call: &StorageCall) {
        self.0.lock().push(*call);
    }
}

struct Bench {
    log: Arc<Log>,
    time: Arc<ManualTime>,
    script: Arc<Script>,
    faulty: Arc<Faulty<MemoryStorage>>,
    store: Observed<dyn Storage>,
}

fn bench() -> Bench {
    let (log, script) = (Arc::new(Log::default()), Arc::new(Script::default()));
    let time = Arc::new(ManualTime::default());
    let memory = Arc::new(MemoryStorage::new(MemoryConfig::default()));
    let faulty = Arc::new(Faulty::new(memory, script.clone()));
    let store = Observed::new(faulty.clone() as Arc<dyn Storage>, time.clone(), log.clone());
    Bench { log, time, script, faulty, store }
}

fn batch() -> Vec<Arc<Message>> {
    let subject = Subject::new("s").unwrap();
    let message = |id| {
        let (headers, body) = (Headers::default(), Bytes::from_static(b"1234"));
        Message::new(subject.clone(), MessageId(id), Timestamp(1), None, headers, body)
    };
    vec![Arc::new(message(1)), Arc::new(message(2))]
}

fn call(operation: Operation, outcome: Outcome) -> StorageCall {
    StorageCall { operation, outcome, duration: Duration::ZERO, messages: 2, refused: 0, bytes: 8 }
}

#[tokio::test]
async fn a_call_is_told_with_its_duration_volume_and_outcome() {
    let Bench { log, time, script, faulty, store } = bench();
    let plan = WritePlan { fault: WriteFault::Refuse(vec![0]), hold: Hold::Start };
    script.then_write(Operation::Append, plan);
    let append = store.append(batch());
    time.advance(Duration::from_millis(3));
    faulty.release(0);
    append.await.unwrap();
    let refused = StorageCall {
        duration: Duration::from_millis(3),
        refused: 1,
        ..call(Operation::Append, Outcome::Done)
    };
    let full = WriteFault::Before(AppendError::Full("x"));
    script.then_write(Operation::Append, WritePlan { fault: full, hold: Hold::No });
    store.append(batch()).await.unwrap_err();
    store.append(batch()).await.unwrap();
    store.read_after(&batch()[0].subject, MessageId::NONE, 1_000_000).await.unwrap();
    assert_eq!(
        *log.0.lock(),
        [
            refused,
            call(Operation::Append, Outcome::Full),
            call(Operation::Append, Outcome::Done),
            call(Operation::ReadAfter, Outcome::Done),
        ]
    );
}

#[tokio::test]
async fn a_dropped_call_is_told_too() {
    let Bench { log, store, .. } = bench();
    drop(store.append(batch()));
    assert_eq!(*log.0.lock(), [call(Operation::Append, Outcome::Abandoned)]);
    assert_eq!(store.last_id(&batch()[0].subject).await, Ok(MessageId(2)));
}
