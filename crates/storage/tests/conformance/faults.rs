//! Stores that fail: what each failure may and may not have done.

use crate::support::{Bench, kept};
use broker_core::{AppendError, Appended, IdRange, MessageId, ReadError, Stored, Timestamp};
use broker_storage::{
    Operation,
    faulty::{Hold, ReadPlan, Script, WriteFault, WritePlan},
};
use std::{ops::Bound, sync::Arc};

fn next(script: &Script, fault: WriteFault) {
    script.then_write(Operation::Append, WritePlan { fault, hold: Hold::No });
}

pub async fn a_refused_message_harms_only_itself(mut bench: Bench, script: Arc<Script>) {
    next(&script, WriteFault::Refuse(vec![0, 3]));
    let batch = (1..=5).map(|id| kept("s", id)).collect();
    let words = bench.try_append(batch).await.unwrap();
    let stored: Vec<bool> = words.iter().map(|word| *word == Appended::Stored).collect();
    assert_eq!(stored, [false, true, true, false, true]);
    bench.append(vec![kept("s", 6)]).await;
    bench.in_every_life(async |bench| assert_eq!(bench.ids("s").await, [2, 3, 5, 6])).await;
}

pub async fn an_append_after_a_failed_one_is_kept(mut bench: Bench, script: Arc<Script>) {
    bench.append(vec![kept("s", 1)]).await;
    let unavailable = AppendError::Unavailable("gone".into());
    for error in [unavailable, AppendError::Full("room"), AppendError::Fenced] {
        next(&script, WriteFault::Before(error.clone()));
        assert_eq!(bench.try_append(vec![kept("s", 2), kept("t", 1)]).await, Err(error));
        assert_eq!((bench.last_id("s").await, bench.last_id("t").await), (1, 0));
    }
    bench.append(vec![kept("s", 3)]).await;
    bench
        .in_every_life(async |bench| {
            assert_eq!(bench.ids("s").await, [1, 3]);
            assert_eq!(bench.last_id("t").await, 0);
        })
        .await;
}

pub async fn an_unknown_append_is_repeated_until_it_is_known(
    mut bench: Bench,
    script: Arc<Script>,
) {
    let unknown = || AppendError::Unknown("connection lost".into());
    let batch: Vec<_> = (1..=3).map(|id| kept("s", id)).collect();
    for fault in [
        WriteFault::Before(unknown()),
        WriteFault::After(unknown()),
        WriteFault::Before(unknown()),
        WriteFault::After(unknown()),
    ] {
        next(&script, fault);
        assert_eq!(bench.try_append(batch.clone()).await, Err(unknown()));
    }
    // A later one of the subject may be stored in between.
    bench.append(vec![kept("s", 4)]).await;
    bench.append(batch.clone()).await;
    bench.in_every_life(async |bench| assert_eq!(bench.ids("s").await, [1, 2, 3, 4])).await;
}

pub async fn appends_end_in_any_order(mut bench: Bench, script: Arc<Script>) {
    let plan = |hold| WritePlan { fault: WriteFault::None, hold };
    for (round, polls) in
        [[3, 1, 2, 0], [0, 5, 0, 5], [9, 6, 3, 1], [2, 0, 0, 9]].iter().enumerate()
    {
        for count in polls {
            script.then_write(Operation::Append, plan(Hold::Polls(*count)));
        }
        let first = round as u64 * 4 + 1;
        let storage = bench.storage();
        let appends: Vec<_> = (first..first + 4)
            .map(|id| tokio::spawn(storage.append(vec![kept("s", id)])))
            .collect();
        drop(storage);
        for append in appends {
            assert_eq!(append.await.unwrap(), Ok(vec![Appended::Stored]));
        }
    }
    bench.in_every_life(async |bench| assert!(bench.ids("s").await.into_iter().eq(1..=16))).await;
}

pub async fn what_is_lost_is_not_read_before_a_restart(mut bench: Bench, script: Arc<Script>) {
    let lost = AppendError::Lost("the disk failed".into());
    bench.append(vec![kept("s", 1)]).await;
    for (id, fault) in [(2, WriteFault::Before(lost.clone())), (3, WriteFault::After(lost.clone()))]
    {
        next(&script, fault);
        assert_eq!(bench.try_append(vec![kept("s", id)]).await, Err(lost.clone()));
        assert!(bench.fetch("s", id).await.is_none());
    }
    assert_eq!(bench.ids("s").await, [1]);
    if bench.survives_restart() {
        bench.restart(crate::support::Restart::Crash).await;
        let ids = bench.ids("s").await;
        assert!(ids == [1] || ids == [1, 3], "{ids:?}");
        assert!(bench.last_id("s").await >= *ids.last().unwrap());
    }
}

pub async fn reads_after_a_failed_one_work(bench: Bench, script: Arc<Script>) {
    bench.append(vec![kept("s", 1)]).await;
    let subject = crate::support::subject("s");
    for error in [ReadError::Unavailable("gone".into()), ReadError::Failed("odd".into())] {
        let plan = ReadPlan { error: Some(error.clone()), hold: Hold::No };
        for operation in [Operation::Fetch, Operation::ReadAfter, Operation::LastId] {
            script.then_read(operation, plan.clone());
        }
        let storage = bench.storage();
        assert_eq!(storage.fetch(&subject, MessageId(1)).await, Err(error.clone()));
        let page = storage.read_after(&subject, MessageId::NONE, 10).await;
        assert_eq!(page, Err(error.clone()));
        assert_eq!(storage.last_id(&subject).await, Err(error));
        assert!(bench.fetch("s", 1).await.is_some());
        assert_eq!(bench.ids("s").await, [1]);
    }
}

pub async fn damage_is_told_and_harms_no_other(bench: Bench, script: Arc<Script>) {
    bench.append((1..=5).map(|id| kept("s", id)).collect()).await;
    let subject = crate::support::subject("s");
    script.damage(&subject, MessageId(3));
    let found = bench.storage().fetch(&subject, MessageId(3)).await;
    assert_eq!(found, Err(ReadError::Damaged(MessageId(3))));
    let page = bench.page("s", 0, 1_000_000).await;
    let ids: Vec<u64> = page.messages.iter().map(|stored| stored.id().0).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5]);
    assert_eq!(page.messages[2], Stored::Damaged(MessageId(3)));
    assert!(bench.fetch("s", 4).await.is_some());
}

pub async fn counting_fails_and_goes_on(bench: Bench, script: Arc<Script>) {
    bench.append((1..=5).map(|id| kept("s", id)).collect()).await;
    let error = ReadError::Unavailable("gone".into());
    let subject = crate::support::subject("s");
    // Counted without being read.
    script.damage(&subject, MessageId(3));
    for operation in [Operation::Tally, Operation::Subjects] {
        script.then_read(operation, ReadPlan { error: Some(error.clone()), hold: Hold::No });
    }
    let range = IdRange { subject, after: MessageId::NONE, up_to: MessageId(5) };
    let failed = bench.storage().tally(vec![range], Timestamp(0)).await;
    assert_eq!(failed, Err(error.clone()));
    assert_eq!(bench.storage().subjects(Bound::Unbounded, 9).await, Err(error));
    assert_eq!(bench.tally("s", 0, 5, 0).await.messages, 5);
    assert_eq!(bench.subjects(9).await, [("s".to_owned(), 5)]);
}

pub async fn what_is_lost_does_not_count(bench: Bench, script: Arc<Script>) {
    let lost = AppendError::Lost("the disk failed".into());
    bench.append(vec![kept("s", 1), kept("t", 1)]).await;
    next(&script, WriteFault::After(lost.clone()));
    assert_eq!(bench.try_append(vec![kept("s", 2)]).await, Err(lost));
    assert_eq!(bench.tally("s", 0, 2, 0).await.messages, 1);
    assert_eq!(bench.tally("t", 0, 2, 0).await.messages, 1);
}
