//! What a broker tells of its limits and of subscriptions that are behind.

use super::{KEEP, PASS};
use crate::{
    Lag, Limits, Start,
    testing::{Bench, answer, subject, take},
};

fn used(bench: &Bench, limit: &str) -> u64 {
    let usage = bench.broker.usage();
    let usage = usage.iter().find(|usage| usage.limit == limit).expect("a limit of that name");
    assert!(usage.used <= usage.most);
    usage.used
}

#[tokio::test]
async fn what_waits_for_the_store_is_in_use_until_it_is_answered() {
    let bench = Bench::new(Limits::default()).await;
    assert!(bench.broker.usage().iter().all(|usage| usage.used == 0));
    bench.store.hold();
    let waiting = bench.submit("s", "abc", KEEP);
    let held = bench.store.held().await;
    assert!(used(&bench, "queued_bytes") >= 3);
    assert_eq!(used(&bench, "appends_in_flight"), 1);
    assert_eq!(used(&bench, "cached_subjects"), 1);
    held.succeed();
    assert_eq!(answer(waiting).await, Ok(1));
    // A message that no store is asked for comes after it: by then all that was done is noted.
    assert_eq!(bench.publish("s", "x", PASS).await, Ok(0));
    for limit in ["queued_bytes", "appends_in_flight", "waiting_calls"] {
        assert_eq!(used(&bench, limit), 0, "{limit}");
    }
}

#[tokio::test]
async fn the_slowest_subscription_is_told_until_it_has_caught_up_or_is_gone() {
    let bench = Bench::new(Limits::default()).await;
    for body in ["a", "b", "c"] {
        bench.publish("s", body, KEEP).await.unwrap();
    }
    assert_eq!(bench.broker.lag(), Lag::default(), "nobody is behind where nobody is");
    let mut slow = bench.broker.subscribe(subject("s"), Start::Retained).await.unwrap();
    let new = bench.broker.subscribe(subject("s"), Start::New).await.unwrap();
    assert_eq!(used(&bench, "subscriptions"), 2);
    assert_eq!(bench.broker.lag().messages, 3);
    take(&mut slow, 1).await;
    let lag = bench.broker.lag();
    assert_eq!((lag.messages, lag.catching_up), (2, 1));
    take(&mut slow, 2).await;
    assert_eq!(bench.broker.lag(), Lag::default());
    bench.publish("s", "d", KEEP).await.unwrap();
    assert_eq!(bench.broker.lag().messages, 1, "it waits in the tail");
    assert!(used(&bench, "tail_bytes") > 0);
    drop((slow, new));
    assert_eq!(bench.broker.lag(), Lag::default());
    assert_eq!(used(&bench, "subscriptions"), 0);
}
