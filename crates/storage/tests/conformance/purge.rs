//! Removing the beginning of a subject.

use crate::support::{Bench, Restart, expiring, kept};

async fn ten(bench: &Bench) {
    for ids in [1..=4, 5..=7, 8..=10u64] {
        let batch = ids.flat_map(|id| [kept("s", id), kept("other", id)]);
        bench.append(batch.collect()).await;
    }
}

pub async fn a_purge_removes_up_to_and_including_the_id(mut bench: Bench) {
    ten(&bench).await;
    for (up_to, first) in [(0, 1), (1, 2), (5, 6), (5, 6), (3, 6), (9, 10)] {
        bench.purge("s", up_to).await;
        assert!(bench.ids("s").await.iter().copied().eq(first..=10), "up to {up_to}");
    }
    bench
        .in_every_life(async |bench| {
            assert_eq!(bench.ids("s").await, [10]);
            assert!(bench.fetch("s", 9).await.is_none());
            assert!(bench.fetch("s", 10).await.is_some());
            assert_eq!(bench.last_id("s").await, 10);
            assert_eq!(bench.ids("other").await.len(), 10);
        })
        .await;
}

pub async fn a_purge_of_all_leaves_the_last_id(mut bench: Bench) {
    ten(&bench).await;
    bench.purge("s", 10).await;
    bench
        .in_every_life(async |bench| {
            assert!(bench.ids("s").await.is_empty());
            assert_eq!(bench.last_id("s").await, 10);
            assert_eq!(bench.ids("other").await.len(), 10);
        })
        .await;
}

pub async fn a_purge_above_the_last_id_hides_nothing_that_comes(mut bench: Bench) {
    ten(&bench).await;
    bench.purge("s", 1_000).await;
    assert_eq!(bench.last_id("s").await, 10);
    bench.append(vec![kept("s", 11), kept("s", 12)]).await;
    bench
        .in_every_life(async |bench| {
            assert_eq!(bench.ids("s").await, [11, 12]);
            assert!(bench.fetch("s", 11).await.is_some());
            assert_eq!(bench.last_id("s").await, 12);
        })
        .await;
}

pub async fn a_purge_up_to_the_largest_id_is_a_purge_of_all(mut bench: Bench) {
    ten(&bench).await;
    bench.purge("s", u64::MAX).await;
    bench
        .in_every_life(async |bench| {
            assert!(bench.ids("s").await.is_empty());
            assert_eq!(bench.last_id("s").await, 10);
        })
        .await;
}

pub async fn a_purge_of_a_subject_that_never_was_makes_none(mut bench: Bench) {
    ten(&bench).await;
    bench.purge("never", 5).await;
    bench
        .in_every_life(async |bench| {
            assert_eq!(bench.last_id("never").await, 0);
            assert_eq!(bench.subjects(10).await.len(), 2);
        })
        .await;
}

pub async fn a_purged_subject_goes_on(mut bench: Bench) {
    ten(&bench).await;
    bench.purge("s", 10).await;
    if bench.survives_restart() {
        bench.restart(Restart::Crash).await;
    }
    bench.append((11..=20).map(|id| kept("s", id)).collect()).await;
    assert!(bench.ids("s").await.iter().copied().eq(11..=20));
    bench.purge("s", 15).await;
    bench.append(vec![expiring("s", 21, 5), kept("s", 22)]).await;
    bench
        .in_every_life(async |bench| {
            bench.reclaim(5).await;
            let ids = bench.ids("s").await;
            let living: Vec<u64> = ids.into_iter().filter(|id| *id != 21).collect();
            assert_eq!(living, [16, 17, 18, 19, 20, 22]);
            assert_eq!(bench.page("s", 12, 1_000_000).await.messages[0].id().0, 16);
            assert_eq!(bench.last_id("s").await, 22);
        })
        .await;
}

pub async fn a_purge_holds_over_reclaims(mut bench: Bench) {
    for round in 0..6u64 {
        let ids = round * 100 + 1..=round * 100 + 100;
        let batch = ids.flat_map(|id| [kept("s", id), expiring("other", id, round as i64)]);
        bench.append(batch.collect()).await;
        bench.purge("s", round * 100 + 50).await;
        bench.reclaim(round as i64).await;
        let ids = bench.ids("s").await;
        assert!(ids.into_iter().eq(round * 100 + 51..=round * 100 + 100), "round {round}");
    }
    bench
        .in_every_life(async |bench| {
            bench.reclaim(100).await;
            assert!(bench.ids("s").await.into_iter().eq(551..=600));
            assert!(bench.fetch("s", 450).await.is_none());
            assert_eq!([bench.last_id("s").await, bench.last_id("other").await], [600, 600]);
        })
        .await;
}
