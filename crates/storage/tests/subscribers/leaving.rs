//! Subscribers that come and go.

use super::venue::{Dice, Handed, broker, publication, publish};
use crate::support::{StoreUnderTest, subject};
use broker_core::{Broker, Lifetime, Limits, Start, SubscribeError};
use futures_util::FutureExt;

const CYCLES: u64 = 20_000;
const AT_ONCE: u64 = 40;
const SUBJECTS: u64 = 50;
const TAIL_BYTES: usize = 200_000;

pub async fn many_times(store: impl StoreUnderTest) {
    let limits = Limits {
        subscriptions: AT_ONCE as usize,
        tail_bytes: TAIL_BYTES,
        pages_in_flight: 2,
        page_read_bytes: 1_000,
        ..Limits::default()
    };
    let broker = broker(&store, limits).await;
    for number in 0..SUBJECTS {
        let kept = (0..10).map(|n| publication(&name(number), n, 100, Lifetime::Forever));
        publish(&broker, kept.collect()).await;
    }
    let cycles: Vec<_> =
        (0..AT_ONCE).map(|number| tokio::spawn(come_and_go(broker.clone(), number))).collect();
    for cycle in cycles {
        cycle.await.unwrap();
    }
    assert_eq!(broker.subscribers(), 0);
    every_seat_is_free(&broker).await;
    the_whole_backlog_is_free(&broker).await;
    broker.close().await;
}

fn name(number: u64) -> String {
    format!("subject {number}")
}

/// Some leave at once, some with messages unread, some in the middle of a read.
async fn come_and_go(broker: Broker, number: u64) {
    let mut dice = Dice(number);
    for cycle in 0..CYCLES / AT_ONCE {
        let name = name(dice.below(SUBJECTS));
        let start = if cycle % 2 == 0 { Start::Retained } else { Start::New };
        let mut subscription = broker.subscribe(subject(&name), start).await.unwrap();
        match dice.below(4) {
            0 => {}
            1 => drop(subscription.next(500, &mut Vec::new()).now_or_never()),
            2 => {
                publish(&broker, vec![publication(&name, 0, 300, Lifetime::DeliverOnly)]).await;
            }
            _ if start == Start::Retained => {
                let mut handed = Handed::default();
                while handed.ids.len() < 10 {
                    handed.take(&mut subscription).await;
                }
            }
            _ => {}
        }
    }
}

async fn every_seat_is_free(broker: &Broker) {
    let mut seated = Vec::new();
    for _ in 0..AT_ONCE {
        seated.push(broker.subscribe(subject("s"), Start::New).await.unwrap());
    }
    assert_eq!(broker.subscribers(), AT_ONCE as usize);
    let refused = broker.subscribe(subject("s"), Start::New).await.err();
    assert_eq!(refused, Some(SubscribeError::Overloaded("subscriptions")));
    drop(seated);
    assert_eq!(broker.subscribers(), 0);
}

/// Almost as much as tails may hold waits for one that reads nothing, and nothing is evicted: no
/// subscriber that left holds any of it.
async fn the_whole_backlog_is_free(broker: &Broker) {
    let mut subscription = broker.subscribe(subject("s"), Start::New).await.unwrap();
    let mut held = 0;
    let mut count = 0;
    loop {
        let publication = publication("s", count, 500, Lifetime::DeliverOnly);
        held += publication.weight();
        if held > TAIL_BYTES {
            break;
        }
        publish(broker, vec![publication]).await;
        count += 1;
    }
    let mut handed = Handed::default();
    while handed.numbers.len() < count as usize {
        handed.take(&mut subscription).await;
    }
    assert_eq!(handed.missed, 0);
    assert!(handed.numbers.iter().copied().eq(0..count));
}
