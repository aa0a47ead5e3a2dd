//! Last ids never fall, and what is absent is told from what never was.

use crate::support::{Bench, Restart, expiring, kept};

pub async fn a_subject_that_never_was_has_no_last_id(mut bench: Bench) {
    bench.append(vec![kept("other", 1)]).await;
    bench
        .in_every_life(async |bench| {
            assert_eq!(bench.last_id("s").await, 0);
            assert!(bench.fetch("s", 1).await.is_none());
            assert!(bench.ids("s").await.is_empty());
        })
        .await;
}

pub async fn each_subject_has_ids_of_its_own(mut bench: Bench) {
    bench.append(vec![kept("a", 1), kept("b", 1), kept("a", 2), kept("c", 7)]).await;
    bench
        .in_every_life(async |bench| {
            let last = [bench.last_id("a").await, bench.last_id("b").await];
            assert_eq!((last, bench.last_id("c").await), ([2, 1], 7));
            assert_eq!(bench.ids("a").await, [1, 2]);
            assert_eq!(&bench.fetch("b", 1).await.unwrap().body[..], b"b 1");
        })
        .await;
}

pub async fn ids_come_in_any_order_over_several_appends(mut bench: Bench) {
    let steps = [([5, 6], 6), ([1, 2], 6), ([9, 11], 11), ([3, 4], 11), ([7, 10], 11)];
    for (ids, highest) in steps {
        bench.append(ids.map(|id| kept("s", id)).to_vec()).await;
        assert_eq!(bench.last_id("s").await, highest);
    }
    bench
        .in_every_life(async |bench| {
            assert_eq!(bench.ids("s").await, [1, 2, 3, 4, 5, 6, 7, 9, 10, 11]);
            assert_eq!(bench.last_id("s").await, 11);
            for id in [1, 2, 3, 4, 5, 6, 7, 9, 10, 11] {
                assert!(bench.fetch("s", id).await == Some(kept("s", id)), "{id}");
            }
        })
        .await;
}

pub async fn ids_may_be_large_and_far_apart(mut bench: Bench) {
    let ids = [1, 255, 256, 65_536, 1 << 32, (1 << 53) + 1, i64::MAX as u64];
    bench.append(ids.map(|id| kept("s", id)).to_vec()).await;
    bench
        .in_every_life(async |bench| {
            assert_eq!(bench.ids("s").await, ids);
            assert_eq!(bench.last_id("s").await, i64::MAX as u64);
            assert!(bench.fetch("s", 1 << 32).await.is_some());
            assert!(bench.fetch("s", (1 << 32) + 1).await.is_none());
        })
        .await;
}

pub async fn what_is_absent_is_none_below_and_above_the_last_id(mut bench: Bench) {
    bench.append(vec![kept("s", 2), kept("s", 4)]).await;
    bench
        .in_every_life(async |bench| {
            for id in [1, 3, 5, u64::MAX] {
                assert!(bench.fetch("s", id).await.is_none(), "{id}");
            }
            assert_eq!(bench.last_id("s").await, 4);
        })
        .await;
}

pub async fn the_last_id_stays_when_everything_expired(mut bench: Bench) {
    bench.append((1..=100).map(|id| expiring("s", id, 50)).collect()).await;
    bench.append(vec![expiring("t", 3, 51)]).await;
    bench.reclaim(100).await;
    bench
        .in_every_life(async |bench| {
            bench.reclaim(100).await;
            assert_eq!([bench.last_id("s").await, bench.last_id("t").await], [100, 3]);
        })
        .await;
}

pub async fn the_last_id_stays_when_everything_is_purged(mut bench: Bench) {
    bench.append((1..=10).map(|id| kept("s", id)).collect()).await;
    bench.purge("s", 10).await;
    bench.in_every_life(async |bench| assert_eq!(bench.last_id("s").await, 10)).await;
}

pub async fn the_last_id_stays_over_many_lives(mut bench: Bench) {
    for life in 1..=6u64 {
        // Enough to fill segments of a store that has them, all of it gone at the end of each life.
        let ids = life * 1_000 + 1..=life * 1_000 + 200;
        let batch = ids.map(|id| expiring("s", id, life as i64 * 10));
        bench.append(batch.collect()).await;
        bench.append(vec![expiring(&format!("of life {life}"), life, life as i64 * 10)]).await;
        bench.reclaim(life as i64 * 10).await;
        assert_eq!(bench.last_id("s").await, life * 1_000 + 200);
        if bench.survives_restart() {
            let how = if life % 2 == 0 { Restart::Clean } else { Restart::Crash };
            bench.restart(how).await;
        }
        assert_eq!(bench.last_id("s").await, life * 1_000 + 200, "after life {life}");
        for past in 1..=life {
            assert_eq!(bench.last_id(&format!("of life {past}")).await, past);
        }
    }
}
