//! One subscriber that reads nothing, among many that do.

use super::venue::{Handed, broker, publication, publish};
use crate::support::{StoreUnderTest, subject};
use broker_core::{Lifetime, Limits, Publication, Start};

const SUBSCRIBERS: usize = 200;
const ROUNDS: u64 = 40;
/// Messages of a round; every fourth is stored.
const ROUND: u64 = 40;
const STORED: u64 = ROUNDS * ROUND / 4;
const DELIVERED_ONLY: u64 = ROUNDS * ROUND - STORED;

fn round(number: u64) -> Vec<Publication> {
    let publication = |n: u64| {
        let lifetime = if n.is_multiple_of(4) { Lifetime::Forever } else { Lifetime::DeliverOnly };
        publication("s", n, 100, lifetime)
    };
    (number * ROUND..(number + 1) * ROUND).map(publication).collect()
}

pub async fn one_of_many(store: impl StoreUnderTest) {
    // Some rounds fit into the tail, all together by far not.
    let limits = Limits { tail_bytes: 64 * 1024, ..Limits::default() };
    let broker = broker(&store, limits).await;
    let mut subscriptions = Vec::new();
    for _ in 0..SUBSCRIBERS {
        subscriptions.push(broker.subscribe(subject("s"), Start::New).await.unwrap());
    }
    let mut stalled = subscriptions.pop().unwrap();
    let mut others: Vec<_> =
        subscriptions.into_iter().map(|subscription| (subscription, Handed::default())).collect();

    for number in 0..ROUNDS {
        publish(&broker, round(number)).await;
        let goal = ((number + 1) * ROUND) as usize;
        for (subscription, handed) in &mut others {
            while handed.ids.len() + handed.numbers.len() < goal {
                handed.take(subscription).await;
            }
        }
    }
    for (_, handed) in &others {
        assert_eq!(handed.missed, 0, "the others lose nothing");
        assert!(handed.ids.iter().map(|id| id.0).eq(1..=STORED));
        let expected = (0..ROUNDS * ROUND).filter(|n| !n.is_multiple_of(4));
        assert!(handed.numbers.iter().copied().eq(expected));
    }

    // It wakes up, and one more message tells it all of its loss.
    publish(&broker, vec![publication("s", u64::MAX, 100, Lifetime::DeliverOnly)]).await;
    let mut handed = Handed::default();
    while handed.numbers.last() != Some(&u64::MAX) {
        handed.take(&mut stalled).await;
    }
    assert!(handed.ids.iter().map(|id| id.0).eq(1..=STORED), "what is stored it is handed late");
    assert!(handed.numbers.is_sorted_by(|a, b| a < b));
    assert!(handed.missed > 0, "it lost some");
    assert_eq!(handed.missed + handed.numbers.len() as u64, DELIVERED_ONLY + 1);
    broker.close().await;
}
