//! Giving space back.

use crate::support::{Bench, expiring, kept, subject};
use broker_core::{MessageId, Reclaimed, Timestamp};

pub async fn an_empty_store_has_nothing_to_give_back(bench: Bench) {
    for now in [Timestamp::MIN, Timestamp(0), Timestamp(i64::MAX)] {
        assert_eq!(bench.storage().reclaim(now).await, Ok(Reclaimed::default()));
    }
}

pub async fn what_lives_is_not_reclaimed(mut bench: Bench) {
    let batch = (1..=300).map(|id| match id % 3 {
        0 => kept("s", id),
        1 => expiring("s", id, 100),
        _ => expiring("s", id, 50),
    });
    bench.append(batch.collect()).await;
    for now in [i64::MIN, 0, 49, 50, 99] {
        bench.reclaim(now).await;
        let ids = bench.ids("s").await;
        let living = |id: &u64| now < 50 || id % 3 < 2;
        assert!(ids.into_iter().filter(living).eq((1..=300).filter(living)), "at {now}");
    }
    bench
        .in_every_life(async |bench| {
            bench.reclaim(i64::MAX).await;
            for id in (3..=300).step_by(3) {
                assert!(bench.fetch("s", id).await == Some(kept("s", id)), "{id}");
            }
        })
        .await;
}

pub async fn reclaiming_again_gives_nothing(mut bench: Bench) {
    for round in 0..5i64 {
        let first = round as u64 * 200;
        let batch = (first + 1..=first + 200).map(|id| expiring("s", id, round));
        bench.append(batch.collect()).await;
    }
    let total = settle(&bench, 4).await;
    assert!(total <= 1_000, "{total} of 1,000 are gone");
    bench
        .in_every_life(async |bench| {
            settle(bench, 4).await;
            assert_eq!(settle(bench, 3).await, 0);
            assert_eq!(bench.last_id("s").await, 1_000);
        })
        .await;
}

/// Reclaims until many calls in a row gave nothing: a store may wait for more of the same work
/// before it does it. Answers how many messages are gone.
async fn settle(bench: &Bench, now: i64) -> u64 {
    let (mut total, mut idle) = (0, 0);
    for _ in 0..1_000 {
        let part = bench.reclaim(now).await;
        total += part.messages;
        idle = if part.messages == 0 { idle + 1 } else { 0 };
        if idle > 50 {
            return total;
        }
    }
    panic!("reclaiming comes to no end");
}

pub async fn appends_go_on_during_a_storm_of_expiries(mut bench: Bench) {
    let storm = |first: u64| (first..first + 10_000).map(|id| expiring("storm", id, 10));
    for first in [1, 10_001, 20_001] {
        bench.append(storm(first).collect()).await;
    }
    let (mut id, mut more) = (0, true);
    while more || id < 20 {
        id += 1;
        bench.append(vec![kept("s", id)]).await;
        more = bench.storage().reclaim(Timestamp(10)).await.unwrap().more;
        assert!(id < 100_000, "the storm comes to no end");
    }
    bench
        .in_every_life(async |bench| {
            assert!(bench.ids("s").await.into_iter().eq(1..=id));
            assert_eq!(bench.last_id("storm").await, 30_000);
        })
        .await;
}

pub async fn readers_go_on_while_space_is_given_back(bench: Bench) {
    let batch = (1..=20_000).map(|id| match id % 10 {
        0 => kept("s", id),
        _ => expiring("s", id, (id % 100) as i64),
    });
    let batch: Vec<_> = batch.collect();
    for part in batch.chunks(2_000) {
        bench.append(part.to_vec()).await;
    }
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let storage = bench.storage();
            tokio::spawn(async move {
                let (mut after, mut living) = (MessageId::NONE, 0);
                loop {
                    let page = storage.read_after(&subject("s"), after, 4_096).await.unwrap();
                    living +=
                        page.messages.iter().filter(|it| it.id().0.is_multiple_of(10)).count();
                    let Some(next) = page.next else { return living };
                    after = next;
                    let id = MessageId(next.0 - next.0 % 10);
                    if !id.is_none() {
                        assert!(storage.fetch(&subject("s"), id).await.unwrap().is_some(), "{id}");
                    }
                }
            })
        })
        .collect();
    for now in 0..100 {
        bench.reclaim(now).await;
    }
    for reader in readers {
        assert_eq!(reader.await.unwrap(), 2_000, "messages that live");
    }
}
