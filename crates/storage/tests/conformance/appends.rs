//! Keeping messages: one word for each, done once, begun at the call.

use crate::support::{Bench, Restart, expiring, kept, subject, with_body};
use broker_core::Appended;

pub async fn an_empty_batch_is_answered(bench: Bench) {
    assert_eq!(bench.try_append(Vec::new()).await, Ok(Vec::new()));
    assert_eq!(bench.subjects(10).await, []);
}

pub async fn keeping_again_changes_nothing(mut bench: Bench) {
    let batch: Vec<_> = (1..=5).map(|id| kept("s", id)).collect();
    for _ in 0..3 {
        bench.append(batch.clone()).await;
    }
    bench
        .in_every_life(async |bench| {
            assert!(bench.read("s", 0, 1_000).await == batch);
            bench.append(batch.clone()).await;
            assert!(bench.read("s", 0, 1_000).await == batch);
            assert_eq!(bench.last_id("s").await, 5);
        })
        .await;
}

pub async fn keeping_again_after_another_append_changes_nothing(mut bench: Bench) {
    let first: Vec<_> = (1..=3).map(|id| kept("s", id)).collect();
    let second: Vec<_> = (4..=6).map(|id| kept("s", id)).collect();
    bench.append(first.clone()).await;
    bench.append(second.clone()).await;
    bench.append(first.clone()).await;
    bench
        .in_every_life(async |bench| {
            assert_eq!(bench.ids("s").await, [1, 2, 3, 4, 5, 6]);
            bench.append(first.clone()).await;
            assert_eq!(bench.ids("s").await, [1, 2, 3, 4, 5, 6]);
            assert_eq!(bench.last_id("s").await, 6);
        })
        .await;
}

pub async fn keeping_again_with_others_keeps_the_others(mut bench: Bench) {
    bench.append(vec![kept("s", 2), kept("t", 1)]).await;
    bench.append(vec![kept("s", 1), kept("s", 2), kept("t", 1), kept("s", 3), kept("u", 1)]).await;
    bench
        .in_every_life(async |bench| {
            assert_eq!(bench.ids("s").await, [1, 2, 3]);
            assert_eq!(bench.ids("t").await, [1]);
            assert_eq!(bench.ids("u").await, [1]);
        })
        .await;
}

pub async fn a_kept_message_is_not_overwritten(mut bench: Bench) {
    bench.append(vec![with_body("s", 1, "first")]).await;
    bench.append(vec![with_body("s", 1, "second"), kept("s", 2)]).await;
    bench
        .in_every_life(async |bench| {
            assert_eq!(&bench.fetch("s", 1).await.unwrap().body[..], b"first");
            assert_eq!(&bench.read("s", 0, 1_000).await[0].body[..], b"first");
            assert_eq!(bench.ids("s").await, [1, 2]);
        })
        .await;
}

pub async fn a_large_batch_of_empty_messages_is_kept(mut bench: Bench) {
    let names = ["a", "b", "c"];
    let batch = (0..65_536).map(|n| with_body(names[n as usize % 3], n / 3 + 1, ""));
    bench.append(batch.collect()).await;
    bench
        .in_every_life(async |bench| {
            let mut count = 0;
            for (n, name) in (0..).zip(names) {
                let ids = bench.ids(name).await;
                assert!(ids.iter().copied().eq(1..=ids.len() as u64), "{name}");
                assert_eq!(bench.last_id(name).await, (65_535 - n) / 3 + 1);
                count += ids.len();
            }
            assert_eq!(count, 65_536);
        })
        .await;
}

pub async fn a_batch_of_many_subjects_is_kept(mut bench: Bench) {
    let name = |n: u64| format!("subject {n}");
    bench.append((0..1_000).map(|n| kept(&name(n), n + 1)).collect()).await;
    bench
        .in_every_life(async |bench| {
            for n in (0..1_000).step_by(7) {
                assert!(bench.fetch(&name(n), n + 1).await == Some(kept(&name(n), n + 1)));
                assert_eq!(bench.last_id(&name(n)).await, n + 1);
            }
        })
        .await;
}

pub async fn an_append_begins_at_the_call(bench: Bench) {
    let append = bench.storage().append(vec![kept("s", 1)]);
    bench.until_kept("s", 1).await;
    assert_eq!(append.await, Ok(vec![Appended::Stored]));
}

pub async fn an_append_that_nobody_waits_for_is_kept(mut bench: Bench) {
    for id in 1..=50 {
        drop(bench.storage().append(vec![kept("s", id)]));
    }
    for id in 1..=50 {
        bench.until_kept("s", id).await;
    }
    bench
        .in_every_life(async |bench| {
            assert!(bench.ids("s").await.iter().copied().eq(1..=50));
            assert_eq!(bench.last_id("s").await, 50);
        })
        .await;
}

pub async fn closing_waits_for_appends_that_nobody_waits_for(mut bench: Bench) {
    if !bench.survives_restart() {
        return;
    }
    for id in 1..=50 {
        drop(bench.storage().append(vec![kept("s", id)]));
    }
    bench.restart(Restart::Clean).await;
    assert!(bench.ids("s").await.iter().copied().eq(1..=50));
}

pub async fn overlapping_appends_are_all_kept(mut bench: Bench) {
    let storage = bench.storage();
    let appends: Vec<_> = (0..64u64)
        .map(|n| storage.append(vec![kept("s", 2 * n + 1), kept("s", 2 * n + 2), kept("t", n + 1)]))
        .collect();
    drop(storage);
    // Asked for in the other order.
    for append in appends.into_iter().rev() {
        assert_eq!(append.await, Ok(vec![Appended::Stored; 3]));
    }
    bench
        .in_every_life(async |bench| {
            assert!(bench.ids("s").await.iter().copied().eq(1..=128));
            assert!(bench.ids("t").await.iter().copied().eq(1..=64));
        })
        .await;
}

pub async fn an_append_is_read_from_its_answer_on(bench: Bench) {
    for id in 1..=100 {
        bench.append(vec![kept("s", id), expiring("t", id, 1)]).await;
        assert!(bench.fetch("s", id).await.is_some() && bench.fetch("t", id).await.is_some());
        assert_eq!(bench.page("s", id - 1, 10).await.messages.len(), 1);
        assert_eq!(bench.last_id("s").await, id);
    }
    let listed =
        bench.storage().subjects(std::ops::Bound::Excluded(&subject("s")), 10).await.unwrap();
    assert_eq!(listed.len(), 1);
}
