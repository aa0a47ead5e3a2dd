//! Listings and purges through the broker's front, over a store that counts one message a call.

use super::*;
use crate::{
    FetchError, Lifetime, Limits, PurgeError, Start,
    testing::{Bench, answer, subject, take},
};
use std::time::Duration;

const KEEP: Lifetime = Lifetime::Forever;

async fn publish(bench: &Bench, name: &str, bodies: &[&str]) {
    for body in bodies {
        bench.publish(name, body, KEEP).await.unwrap();
    }
}

fn query(limit: usize) -> ListingQuery {
    ListingQuery { limit, ..ListingQuery::default() }
}

/// Name, last id, messages and bytes of each subject, page by page.
async fn all(bench: &Bench, mut query: ListingQuery) -> Vec<(String, u64, u64, u64)> {
    let mut rows: Vec<(String, u64, u64, u64)> = Vec::new();
    loop {
        let page = bench.broker.subjects(&query).await.unwrap();
        assert!(page.subjects.len() <= query.limit);
        for ListedSubject { subject, last_id, kept } in page.subjects {
            match rows.last_mut() {
                Some(row) if row.0 == subject.as_str() => {
                    *row = (row.0.clone(), last_id.0, row.2 + kept.messages, row.3 + kept.bytes);
                }
                _ => rows.push((subject.to_string(), last_id.0, kept.messages, kept.bytes)),
            }
        }
        if page.next.is_none() {
            return rows;
        }
        assert_ne!(page.next, query.after, "a page brings its reader on");
        query.after = page.next;
    }
}

fn row(name: &str, last: u64, messages: u64, bytes: u64) -> (String, u64, u64, u64) {
    (name.to_owned(), last, messages, bytes)
}

#[tokio::test]
async fn every_page_size_and_every_bound_on_work_lists_the_same() {
    let expected = [row("a", 1, 1, 2), row("ab", 3, 3, 6), row("b", 7, 7, 7), row("c", 1, 1, 0)];
    for tallies in [1, 2, 3, 100] {
        let bench = Bench::new(Limits { tallies, ..Limits::default() }).await;
        publish(&bench, "a", &["aa"]).await;
        publish(&bench, "ab", &["x", "yy", "zzz"]).await;
        publish(&bench, "b", &["1", "2", "3", "4", "5", "6", "7"]).await;
        publish(&bench, "c", &[""]).await;
        for limit in [1, 2, 3, 4, 5, 1_000] {
            assert_eq!(
                all(&bench, query(limit)).await,
                expected,
                "{limit} a page, {tallies} calls"
            );
        }
        let with_prefix = |name| ListingQuery { prefix: Some(subject(name)), ..query(2) };
        assert_eq!(all(&bench, with_prefix("a")).await, expected[..2]);
        assert_eq!(all(&bench, with_prefix("ab")).await, expected[1..2]);
        assert_eq!(all(&bench, with_prefix("aa")).await, []);
        assert_eq!(all(&bench, with_prefix("c")).await, expected[3..]);
    }
}

#[tokio::test]
async fn a_page_has_no_more_than_the_limit_of_subjects() {
    let bench = Bench::new(Limits { listed_subjects: 2, ..Limits::default() }).await;
    for name in ["a", "b", "c"] {
        publish(&bench, name, &["x"]).await;
    }
    let page = bench.broker.subjects(&query(1_000)).await.unwrap();
    assert_eq!(page.subjects.len(), 2);
    assert_eq!(page.next, Some(Place { subject: subject("b"), id: None }));
    assert_eq!(bench.broker.subjects(&query(0)).await.unwrap().subjects.len(), 1);
}

#[tokio::test]
async fn what_is_not_released_is_not_shown() {
    let bench = Bench::new(Limits::default()).await;
    publish(&bench, "s", &["a"]).await;
    bench.store.hold();
    let (first, second) = (bench.submit("s", "b", KEEP), bench.submit("new", "x", KEEP));
    let held = bench.store.held().await;
    // The store has both, and something behind them; the broker has heard of none.
    bench.store.insert(&held.batch);
    let third = bench.submit("s", "c", KEEP);
    let later = bench.store.held().await;
    later.succeed();
    let other = bench.submit("other", "x", KEEP);
    bench.store.held().await.succeed();
    assert_eq!(answer(other).await, Ok(1));
    assert_eq!(all(&bench, query(10)).await, [row("other", 1, 1, 1), row("s", 1, 1, 1)]);
    let counted = bench.broker.count(subject("s"), MessageId::NONE, None).await.unwrap();
    assert_eq!((counted.last_id, counted.kept.messages), (MessageId(1), 1));
    let unused = bench.broker.count(subject("new"), MessageId::NONE, None).await;
    assert_eq!(unused, Err(CountError::NeverUsed));
    assert_eq!(bench.broker.purge(subject("new"), None).await, Err(PurgeError::NeverUsed));

    held.succeed();
    for receipt in [first, second, third] {
        answer(receipt).await.unwrap();
    }
    let expected = [row("new", 1, 1, 1), row("other", 1, 1, 1), row("s", 3, 3, 3)];
    assert_eq!(all(&bench, query(10)).await, expected);
}

#[tokio::test]
async fn what_has_expired_is_not_counted_from_that_nanosecond_on() {
    let bench = Bench::new(Limits::default()).await;
    let brief = Lifetime::lasting(Duration::from_nanos(500)).unwrap();
    let begun = bench.broker.clock().now();
    bench.publish("s", "brief", brief).await.unwrap();
    bench.publish("s", "kept", KEEP).await.unwrap();
    bench.time.advance(Duration::from_nanos(499));
    let kept = bench.broker.count(subject("s"), MessageId::NONE, None).await.unwrap().kept;
    let next_expiry = Some(begun.saturating_add(Duration::from_nanos(500)));
    assert_eq!(kept, Tally { messages: 2, bytes: 9, next_expiry, next: None });
    bench.time.advance(Duration::from_nanos(1));
    let kept = bench.broker.count(subject("s"), MessageId::NONE, None).await.unwrap().kept;
    assert_eq!(kept, Tally { messages: 1, bytes: 4, next_expiry: None, next: None });
}

#[tokio::test]
async fn a_count_goes_on_where_it_ended_and_stops_where_it_was_told() {
    let bench = Bench::new(Limits { tallies: 2, ..Limits::default() }).await;
    publish(&bench, "s", &["a", "b", "c", "d", "e"]).await;
    let (mut messages, mut after) = (0, MessageId::NONE);
    loop {
        let count = bench.broker.count(subject("s"), after, Some(MessageId(4))).await.unwrap();
        assert_eq!((count.last_id, count.up_to), (MessageId(5), MessageId(4)));
        messages += count.kept.messages;
        match count.kept.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(messages, 4);
    let ahead = bench.broker.count(subject("s"), MessageId::NONE, Some(MessageId(6))).await;
    assert_eq!(ahead, Err(CountError::Ahead { up_to: MessageId(6), last: MessageId(5) }));
    let ahead = bench.broker.purge(subject("s"), Some(MessageId(6))).await;
    assert_eq!(ahead, Err(PurgeError::Ahead { up_to: MessageId(6), last: MessageId(5) }));
}

#[tokio::test]
async fn a_subscriber_in_the_middle_of_what_is_purged_goes_on_behind_it() {
    let bench = Bench::new(Limits { page_read_bytes: 1, ..Limits::default() }).await;
    publish(&bench, "s", &["a", "b", "c", "d", "e", "f"]).await;
    let mut subscription = bench.broker.subscribe(subject("s"), Start::Retained).await.unwrap();
    let mut behind = bench.broker.subscribe(subject("s"), Start::Retained).await.unwrap();
    assert_eq!(take(&mut subscription, 2).await[1].0, "b");
    assert_eq!(bench.broker.purge(subject("s"), Some(MessageId(4))).await, Ok(MessageId(4)));
    assert_eq!(all(&bench, query(1)).await, [row("s", 6, 2, 2)]);
    for subscription in [&mut subscription, &mut behind] {
        assert_eq!(take(subscription, 2).await, [("e".to_owned(), 0), ("f".to_owned(), 0)]);
    }
    assert_eq!(bench.broker.purge(subject("s"), None).await, Ok(MessageId(6)));
    let gone = bench.broker.fetch(&subject("s"), MessageId(6)).await;
    assert_eq!(gone, Err(FetchError::Expired));
    publish(&bench, "s", &["g"]).await;
    assert_eq!(take(&mut subscription, 1).await, [("g".to_owned(), 0)]);
}

#[tokio::test]
async fn a_broker_that_leaves_lists_and_counts_nothing() {
    let bench = Bench::new(Limits::default()).await;
    publish(&bench, "s", &["a"]).await;
    bench.broker.close().await;
    assert_eq!(bench.broker.subjects(&query(1)).await, Err(ListingError::Closing));
    let count = bench.broker.count(subject("s"), MessageId::NONE, None).await;
    assert_eq!(count, Err(CountError::Closing));
    assert_eq!(bench.broker.purge(subject("s"), None).await, Err(PurgeError::Closing));
}
