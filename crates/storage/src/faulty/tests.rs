//! Every fault does what it says.

use super::*;
use crate::{MemoryConfig, MemoryStorage};
use broker_core::Headers;
use bytes::Bytes;
use tokio::task::yield_now;

struct Bench {
    memory: Arc<MemoryStorage>,
    script: Arc<Script>,
    store: Faulty<MemoryStorage>,
}

fn bench() -> Bench {
    let memory = Arc::new(MemoryStorage::new(MemoryConfig::default()));
    let script = Arc::new(Script::default());
    Bench { store: Faulty::new(memory.clone(), script.clone()), memory, script }
}

fn subject() -> Subject {
    Subject::new("s").unwrap()
}

fn batch(ids: &[u64]) -> Vec<Arc<Message>> {
    let message = |id| {
        let (headers, body) = (Headers::default(), Bytes::new());
        Message::new(subject(), MessageId(id), Timestamp(1), None, headers, body)
    };
    ids.iter().map(|id| Arc::new(message(*id))).collect()
}

async fn ids(store: &impl Storage) -> Vec<u64> {
    let page = store.read_after(&subject(), MessageId::NONE, usize::MAX).await.unwrap();
    page.messages.iter().map(|stored| stored.id().0).collect()
}

fn unknown() -> AppendError {
    AppendError::Unknown("connection lost".into())
}

fn fault(fault: WriteFault) -> WritePlan {
    WritePlan { fault, hold: Hold::No }
}

fn hold(hold: Hold) -> WritePlan {
    WritePlan { fault: WriteFault::None, hold }
}

#[tokio::test]
async fn failing_before_writes_nothing_and_failing_after_does() {
    let Bench { script, store, .. } = bench();
    for error in [unknown(), AppendError::Fenced, AppendError::Full("x")] {
        script.then_write(Operation::Append, fault(WriteFault::Before(error.clone())));
        assert_eq!(store.append(batch(&[1])).await, Err(error));
        assert!(ids(&store).await.is_empty());
    }
    script.then_write(Operation::Append, fault(WriteFault::After(unknown())));
    assert_eq!(store.append(batch(&[1])).await, Err(unknown()));
    assert_eq!(ids(&store).await, [1]);
    assert_eq!(store.append(batch(&[1])).await, Ok(vec![Appended::Stored]));
}

#[tokio::test]
async fn what_is_lost_is_seen_after_a_restart_only() {
    let Bench { memory, script, store } = bench();
    let lost = AppendError::Lost("the disk failed".into());
    script.then_write(Operation::Append, fault(WriteFault::After(lost.clone())));
    assert_eq!(store.append(batch(&[1])).await, Err(lost));
    store.append(batch(&[2])).await.unwrap();
    assert_eq!(ids(&store).await, [2]);
    assert_eq!(store.fetch(&subject(), MessageId(1)).await, Ok(None));
    let restarted = Faulty::new(memory, Arc::new(NoFaults));
    assert_eq!(ids(&restarted).await, [1, 2]);
}

#[tokio::test]
async fn single_messages_are_refused() {
    let Bench { script, store, .. } = bench();
    script.then_write(Operation::Append, fault(WriteFault::Refuse(vec![1])));
    let words = store.append(batch(&[1, 2, 3])).await.unwrap();
    assert!(matches!(&words[..], [Appended::Stored, Appended::Refused(_), Appended::Stored]));
    assert_eq!(ids(&store).await, [1, 3]);
}

#[tokio::test]
async fn single_messages_are_unavailable_or_of_unknown_outcome() {
    let Bench { script, store, .. } = bench();
    let faults = vec![
        (0, SingleFault::UnknownWritten),
        (1, SingleFault::UnknownUnwritten),
        (3, SingleFault::Unavailable),
    ];
    script.then_write(Operation::Append, fault(WriteFault::Single(faults)));
    let words = store.append(batch(&[1, 2, 3, 4])).await.unwrap();
    let [Appended::Unknown(_), Appended::Unknown(_), Appended::Stored, last] = &words[..] else {
        panic!("{words:?}")
    };
    assert!(matches!(last, Appended::Unavailable(_)));
    assert_eq!(ids(&store).await, [1, 3]);
    // What may be kept is not refused afterwards.
    script.then_write(Operation::Append, fault(WriteFault::Refuse(vec![0, 1])));
    let words = store.append(batch(&[1, 2])).await.unwrap();
    assert!(matches!(&words[..], [Appended::Stored, Appended::Refused(_)]));
}

#[tokio::test]
async fn a_store_that_is_taken_over_says_so_to_every_call() {
    let Bench { store, .. } = bench();
    store.append(batch(&[1])).await.unwrap();
    let fenced = store.fenced();
    store.doubt(true);
    assert!(!store.is_owner());
    store.doubt(false);
    assert!(store.is_owner());
    store.fence("taken over");
    assert_eq!(fenced.await, "taken over");
    assert!(!store.is_owner());
    assert_eq!(store.append(batch(&[2])).await, Err(AppendError::Fenced));
    assert_eq!(store.purge(&subject(), MessageId(1)).await, Err(AppendError::Fenced));
    assert_eq!(store.fetch(&subject(), MessageId(1)).await, Err(ReadError::Fenced));
}

#[tokio::test]
async fn what_may_be_kept_is_not_refused() {
    let Bench { script, store, .. } = bench();
    script.then_write(Operation::Append, fault(WriteFault::After(unknown())));
    script.then_write(Operation::Append, fault(WriteFault::Refuse(vec![0, 1])));
    store.append(batch(&[1])).await.unwrap_err();
    let words = store.append(batch(&[1, 2])).await.unwrap();
    assert!(matches!(&words[..], [Appended::Stored, Appended::Refused(_)]));
}

#[tokio::test]
async fn held_appends_end_in_the_order_of_their_release() {
    let Bench { script, store, .. } = bench();
    script.every_write(Operation::Append, hold(Hold::Start));
    let first = tokio::spawn(store.append(batch(&[1])));
    let second = tokio::spawn(store.append(batch(&[2])));
    store.wait_held(2).await;
    assert!(ids(&store).await.is_empty());
    store.release(1);
    second.await.unwrap().unwrap();
    assert_eq!(ids(&store).await, [2]);
    assert!(!first.is_finished());
    first.abort();
    yield_now().await;
    store.release_all();
    assert_eq!(ids(&store).await, [1, 2], "a future that was dropped stops nothing");
}

#[tokio::test]
async fn a_held_answer_is_done_already() {
    let Bench { script, store, .. } = bench();
    script.then_write(Operation::Append, hold(Hold::Answer));
    script.then_write(Operation::Append, hold(Hold::Polls(3)));
    let first = tokio::spawn(store.append(batch(&[1])));
    let late = store.append(batch(&[2]));
    assert_eq!(ids(&store).await, [1, 2]);
    late.await.unwrap();
    assert!(!first.is_finished());
    store.release(0);
    first.await.unwrap().unwrap();
}

#[tokio::test]
async fn reads_fail_and_messages_are_damaged_as_said() {
    let Bench { script, store, .. } = bench();
    store.append(batch(&[1, 2])).await.unwrap();
    script.damage(&subject(), MessageId(2));
    script.damage(&subject(), MessageId(3));
    let page = store.read_after(&subject(), MessageId(1), 1).await.unwrap();
    assert_eq!(page.messages, [Stored::Damaged(MessageId(2))]);
    let damaged = Err(ReadError::Damaged(MessageId(2)));
    assert_eq!(store.fetch(&subject(), MessageId(2)).await, damaged);
    assert_eq!(store.fetch(&subject(), MessageId(3)).await, Ok(None));
    let error = ReadError::Failed("so it goes".into());
    let plan = ReadPlan { error: Some(error.clone()), hold: Hold::No };
    script.then_read(Operation::LastId, plan);
    assert_eq!(store.last_id(&subject()).await, Err(error));
    assert_eq!(store.last_id(&subject()).await, Ok(MessageId(2)));
}

#[test]
fn a_seed_decides_everything_and_every_rate_is_met() {
    let rates = Rates {
        unavailable: 100,
        full: 100,
        unknown_written: 100,
        unknown_unwritten: 100,
        lost: 100,
        refused: 100,
        single: 100,
        unread: 100,
        late: 100,
    };
    let draw = |seed| {
        let seeded = Seeded::new(seed, rates);
        let plans = (0..2_000).map(|_| seeded.write(Operation::Append, &batch(&[1, 2])));
        plans.collect::<Vec<_>>()
    };
    let plans = draw(1);
    assert_eq!(plans, draw(1));
    assert_ne!(plans, draw(2));
    let share = |is: fn(&WritePlan) -> bool| plans.iter().filter(|plan| is(plan)).count();
    for hits in [
        share(|plan| matches!(plan.fault, WriteFault::Before(AppendError::Unavailable(_)))),
        share(|plan| matches!(plan.fault, WriteFault::Before(AppendError::Full(_)))),
        share(|plan| matches!(plan.fault, WriteFault::After(AppendError::Unknown(_)))),
        share(|plan| matches!(plan.fault, WriteFault::Before(AppendError::Unknown(_)))),
        share(|plan| matches!(plan.fault, WriteFault::Refuse(_))),
        share(|plan| matches!(plan.fault, WriteFault::Single(_))),
        share(|plan| plan.hold != Hold::No),
    ] {
        assert!((120..280).contains(&hits), "{hits} of 2,000");
    }
}
