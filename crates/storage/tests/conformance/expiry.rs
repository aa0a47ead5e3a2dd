//! A store keeps the moment of expiry and never acts on it by itself.

use crate::support::{Bench, expiring, kept};
use broker_core::Timestamp;

pub async fn a_store_looks_at_no_clock(mut bench: Bench) {
    // Long past, whatever the machine's clock says.
    bench.append(vec![expiring("s", 1, 1), expiring("s", 2, 2)]).await;
    bench
        .in_every_life(async |bench| {
            assert_eq!(bench.fetch("s", 1).await.unwrap().expires_at, Some(Timestamp(1)));
            assert_eq!(bench.ids("s").await, [1, 2]);
        })
        .await;
}

pub async fn expiry_is_kept_to_the_nanosecond(mut bench: Bench) {
    let base = 1_800_000_000_000_000_000;
    let times = [base, base + 1, base + 999, base + 1_000_000_000, i64::MAX - 1, 1];
    let batch = (1..).zip(times).map(|(id, at)| expiring("s", id, at));
    bench.append(batch.collect()).await;
    bench
        .in_every_life(async |bench| {
            for (id, at) in (1..).zip(times) {
                assert_eq!(bench.fetch("s", id).await.unwrap().expires_at, Some(Timestamp(at)));
            }
        })
        .await;
}

pub async fn what_expires_later_stays_at_the_boundary(mut bench: Bench) {
    let base = 1_800_000_000_000_000_000;
    // Each in a batch of its own, and enough of them to fill segments of a store that has them.
    for id in 1..=20 {
        let batch = (0..10).map(|n| expiring(&format!("s{n}"), id, base + id as i64));
        bench.append(batch.collect()).await;
    }
    for now in [0, 1, 7, 12, 19] {
        bench.reclaim(base + now).await;
        for id in now as u64 + 1..=20 {
            assert!(bench.fetch("s3", id).await.is_some(), "{id} lives at {now}");
        }
    }
    bench
        .in_every_life(async |bench| {
            bench.reclaim(base + 19).await;
            assert!(bench.fetch("s3", 20).await == Some(expiring("s3", 20, base + 20)));
        })
        .await;
}

pub async fn expired_purged_and_never_published_are_told_apart(mut bench: Bench) {
    bench.append((1..=4).map(|id| expiring("expired", id, 10)).collect()).await;
    bench.append((1..=4).map(|id| kept("purged", id)).collect()).await;
    bench.purge("purged", 3).await;
    bench.reclaim(10).await;
    bench
        .in_every_life(async |bench| {
            bench.reclaim(10).await;
            // Whether it is still there or not, its id is not above the last one.
            assert!(bench.fetch("expired", 4).await.is_none_or(|it| it.is_expired(Timestamp(10))));
            assert_eq!(bench.last_id("expired").await, 4);
            assert!(bench.fetch("purged", 3).await.is_none());
            assert_eq!(bench.last_id("purged").await, 4);
            assert!(bench.fetch("expired", 5).await.is_none());
            assert_eq!(bench.last_id("never").await, 0);
        })
        .await;
}
