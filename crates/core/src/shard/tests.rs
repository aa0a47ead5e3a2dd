//! The shard through the broker's front, over a store whose words the test speaks.

mod measures;
mod ownership;
mod unknown;

use crate::{
    AppendError, FetchError, Lifetime, Limits, MessageId, PublishError, Start, SubscribeError,
    SubscriptionEnd,
    testing::{Bench, answer, publication, subject, take},
};
use std::time::Duration;

const KEEP: Lifetime = Lifetime::Forever;
const PASS: Lifetime = Lifetime::DeliverOnly;

fn plain(messages: &[&str]) -> Vec<(String, u64)> {
    messages.iter().map(|body| ((*body).to_owned(), 0)).collect()
}

#[tokio::test]
async fn appends_that_end_in_another_order_are_released_in_order_of_ids() {
    let bench = Bench::new(Limits::default()).await;
    let mut subscription = bench.broker.subscribe(subject("s"), Start::New).await.unwrap();
    bench.store.hold();
    let first = bench.submit("s", "a", KEEP);
    let held_first = bench.store.held().await;
    let second = bench.submit("s", "b", KEEP);
    let held_second = bench.store.held().await;

    held_second.succeed();
    // Another subject's publish, answered after the word on `b` was heard.
    let other = bench.submit("t", "x", KEEP);
    bench.store.held().await.succeed();
    assert_eq!(answer(other).await, Ok(1));
    let unseen = bench.broker.fetch(&subject("s"), MessageId(2)).await;
    assert_eq!(unseen, Err(FetchError::NotFound), "stored, but an earlier one is not decided");

    held_first.succeed();
    assert_eq!((answer(first).await, answer(second).await), (Ok(1), Ok(2)));
    assert_eq!(take(&mut subscription, 2).await, plain(&["a", "b"]));
    assert!(bench.broker.fetch(&subject("s"), MessageId(2)).await.is_ok());
}

#[tokio::test]
async fn delivered_only_messages_keep_their_place_and_go_on_when_earlier_ones_fail() {
    let bench = Bench::new(Limits::default()).await;
    let mut subscription = bench.broker.subscribe(subject("s"), Start::New).await.unwrap();
    bench.store.hold();
    let stored = bench.submit("s", "stored", KEEP);
    let passed = bench.submit("s", "passed", PASS);
    bench.store.held().await.fail(AppendError::Unavailable("away".into()));
    assert_eq!(answer(stored).await, Err(PublishError::StorageUnavailable));
    assert_eq!(answer(passed).await, Ok(0));
    assert_eq!(take(&mut subscription, 1).await, plain(&["passed"]));
}

#[tokio::test]
async fn other_subjects_go_on_while_one_waits() {
    let bench = Bench::new(Limits::default()).await;
    bench.store.hold();
    let stuck = bench.submit("stuck", "a", KEEP);
    let held = bench.store.held().await;
    let other = bench.submit("other", "b", KEEP);
    bench.store.held().await.succeed();
    assert_eq!(answer(other).await, Ok(1));
    held.succeed();
    assert_eq!(answer(stuck).await, Ok(1));
}

#[tokio::test]
async fn a_lost_append_is_answered_at_once_and_passed() {
    let bench = Bench::new(Limits::default()).await;
    bench.store.hold();
    let lost = bench.submit("s", "lost", KEEP);
    let passed = bench.submit("s", "passed", PASS);
    bench.store.held().await.fail(AppendError::Lost("the disk failed".into()));
    assert_eq!(answer(lost).await, Err(PublishError::OutcomeUnknown));
    assert_eq!(answer(passed).await, Ok(0));
}

#[tokio::test]
async fn a_full_queue_refuses_some_and_lets_others_wait() {
    let limits = Limits { queued_bytes: 600, ..Limits::default() };
    let bench = Bench::new(limits).await;
    bench.store.hold();
    let first = bench.submit("s", "a", KEEP);
    let second = bench.submit("s", "b", KEEP);
    let refused = bench.broker.try_submit(vec![publication("s", "c", KEEP)]).err();
    assert_eq!(refused, Some(PublishError::Overloaded("queued_bytes")));
    let broker = bench.broker.clone();
    let waiting =
        tokio::spawn(async move { broker.submit(vec![publication("s", "d", KEEP)]).await });
    // The two may come as one append or as two.
    let mut open = 2;
    while open > 0 {
        let held = bench.store.held().await;
        open -= held.batch.len();
        held.succeed();
    }
    assert_eq!((answer(first).await, answer(second).await), (Ok(1), Ok(2)));
    let waited = waiting.await.unwrap().unwrap();
    bench.store.held().await.succeed();
    assert_eq!(answer(waited).await, Ok(3));
}

#[tokio::test]
async fn closing_answers_what_was_accepted_and_ends_the_rest() {
    let bench = Bench::new(Limits::default()).await;
    let mut subscription = bench.broker.subscribe(subject("s"), Start::New).await.unwrap();
    bench.store.hold();
    let accepted = bench.submit("s", "a", KEEP);
    let broker = bench.broker.clone();
    let closing = tokio::spawn(async move { broker.close().await });
    let held = bench.store.held().await;
    while bench.broker.try_submit(Vec::new()).is_ok() {
        tokio::task::yield_now().await;
    }
    held.succeed();
    assert_eq!(answer(accepted).await, Ok(1));
    closing.await.unwrap();
    assert_eq!(take(&mut subscription, 1).await, plain(&["a"]));
    assert_eq!(subscription.next(1, &mut Vec::new()).await, Err(SubscriptionEnd::Closing));
    let refused = bench.broker.subscribe(subject("s"), Start::New).await.err();
    assert_eq!(refused, Some(SubscribeError::Closing));
}

#[tokio::test]
async fn a_slow_subscriber_is_caught_up_and_told_exactly_what_it_lost() {
    let limits = Limits { tail_bytes: 10_000, ..Limits::default() };
    let bench = Bench::new(limits).await;
    let mut slow = bench.broker.subscribe(subject("s"), Start::New).await.unwrap();
    for n in 0..200 {
        let lifetime = if n % 2 == 0 { KEEP } else { PASS };
        bench.publish("s", &n.to_string(), lifetime).await.unwrap();
    }
    bench.publish("s", "last", KEEP).await.unwrap();
    let mut seen = Vec::new();
    while seen.last().is_none_or(|(body, _)| body != "last") {
        seen.extend(take(&mut slow, 1).await);
    }
    let (numbers, missed): (Vec<_>, Vec<_>) = seen.into_iter().unzip();
    let numbers: Vec<u64> = numbers.iter().filter_map(|body| body.parse().ok()).collect();
    assert!(numbers.is_sorted());
    let stored: Vec<u64> = numbers.iter().copied().filter(|n| n % 2 == 0).collect();
    assert_eq!(stored, (0..200).step_by(2).collect::<Vec<_>>());
    let passed = numbers.len() - stored.len();
    assert!(passed < 100, "the tail is too small to hold them all");
    assert_eq!(missed.iter().sum::<u64>(), 100 - passed as u64);
}

#[tokio::test]
async fn a_slow_subscriber_of_one_subject_costs_the_others_nothing() {
    let limits = Limits { tail_bytes: 10_000, ..Limits::default() };
    let bench = Bench::new(limits).await;
    let _stalled = bench.broker.subscribe(subject("s"), Start::New).await.unwrap();
    let mut prompt = bench.broker.subscribe(subject("s"), Start::New).await.unwrap();
    let mut elsewhere = bench.broker.subscribe(subject("t"), Start::New).await.unwrap();
    for n in 0..500 {
        let body = n.to_string();
        bench.publish("s", &body, PASS).await.unwrap();
        bench.publish("t", &body, PASS).await.unwrap();
        assert_eq!(take(&mut prompt, 1).await, plain(&[&body]));
        assert_eq!(take(&mut elsewhere, 1).await, plain(&[&body]));
    }
}

#[tokio::test]
async fn what_expired_is_not_shown_and_the_time_of_saying_so_is_kept() {
    let bench = Bench::new(Limits::default()).await;
    let brief = Lifetime::lasting(Duration::from_nanos(500)).unwrap();
    assert_eq!(bench.publish("s", "brief", brief).await, Ok(1));
    assert_eq!(bench.publish("s", "kept", KEEP).await, Ok(2));
    bench.time.advance(Duration::from_nanos(499));
    assert!(bench.broker.fetch(&subject("s"), MessageId(1)).await.is_ok());
    bench.time.advance(Duration::from_nanos(1));
    let gone = bench.broker.fetch(&subject("s"), MessageId(1)).await;
    assert_eq!(gone, Err(FetchError::Expired));
    let mut replay = bench.broker.subscribe(subject("s"), Start::Retained).await.unwrap();
    assert_eq!(take(&mut replay, 1).await, plain(&["kept"]));
    // A start of the same store with a clock set back begins where this one stood.
    let never = bench.broker.fetch(&subject("s"), MessageId(3)).await;
    assert_eq!(never, Err(FetchError::NotFound));
    use crate::Storage as _;
    let kept = crate::testing::Handle(bench.store.clone()).kept_time();
    assert_eq!(kept, bench.broker.clock().now());
}

#[tokio::test]
async fn idle_subjects_beyond_the_cache_are_forgotten_and_go_on_where_they_were() {
    let limits = Limits { cached_subjects: 10, ..Limits::default() };
    let bench = Bench::new(limits).await;
    let _pinned = bench.broker.subscribe(subject("pinned"), Start::New).await.unwrap();
    for round in 1..=3 {
        for n in 0..50 {
            assert_eq!(bench.publish(&n.to_string(), "x", KEEP).await, Ok(round));
        }
    }
    assert_eq!(bench.broker.subscribers(), 1);
}

#[tokio::test]
async fn subjects_in_use_beyond_the_cache_are_refused() {
    let limits = Limits { cached_subjects: 2, ..Limits::default() };
    let bench = Bench::new(limits).await;
    let _a = bench.broker.subscribe(subject("a"), Start::New).await.unwrap();
    let b = bench.broker.subscribe(subject("b"), Start::New).await.unwrap();
    let refused = bench.publish("c", "x", KEEP).await;
    assert_eq!(refused, Err(PublishError::Overloaded("cached_subjects")));
    drop(b);
    assert_eq!(bench.publish("c", "x", KEEP).await, Ok(1));
}

#[tokio::test]
async fn resuming_above_the_last_id_is_refused() {
    let bench = Bench::new(Limits::default()).await;
    bench.publish("s", "a", KEEP).await.unwrap();
    let at = |id| bench.broker.subscribe(subject("s"), Start::After(MessageId(id)));
    assert!(at(1).await.is_ok());
    let ahead = SubscribeError::ResumeAhead { after: MessageId(2), last: MessageId(1) };
    assert_eq!(at(2).await.err(), Some(ahead));
}

#[tokio::test]
async fn a_subject_whose_last_id_cannot_be_had_is_refused_and_tried_anew() {
    let bench = Bench::new(Limits::default()).await;
    bench.store.fail_last_ids(true);
    let refused = bench.publish("s", "a", KEEP).await;
    assert_eq!(refused, Err(PublishError::StorageUnavailable));
    bench.store.fail_last_ids(false);
    assert_eq!(bench.publish("s", "a", KEEP).await, Ok(1));
}

#[tokio::test]
async fn subscriptions_beyond_the_limit_are_refused_and_leaving_makes_room() {
    let limits = Limits { subscriptions: 1, ..Limits::default() };
    let bench = Bench::new(limits).await;
    let first = bench.broker.subscribe(subject("s"), Start::New).await.unwrap();
    let refused = bench.broker.subscribe(subject("s"), Start::New).await.err();
    assert_eq!(refused, Some(SubscribeError::Overloaded("subscriptions")));
    drop(first);
    assert!(bench.broker.subscribe(subject("s"), Start::New).await.is_ok());
}

#[tokio::test]
async fn purged_messages_have_expired_and_later_ones_have_not() {
    let bench = Bench::new(Limits::default()).await;
    for body in ["a", "b", "c"] {
        bench.publish("s", body, KEEP).await.unwrap();
    }
    let purged = bench.broker.purge(subject("s"), Some(MessageId(2))).await.unwrap();
    assert_eq!(purged, MessageId(2));
    let fetch = |id| {
        let broker = bench.broker.clone();
        async move { broker.fetch(&subject("s"), MessageId(id)).await }
    };
    assert_eq!(fetch(2).await, Err(FetchError::Expired));
    assert!(fetch(3).await.is_ok());
    assert!(bench.broker.purge(subject("s"), Some(MessageId(4))).await.is_err());
    assert_eq!(bench.broker.purge(subject("s"), None).await, Ok(MessageId(3)));
    assert_eq!(bench.publish("s", "d", KEEP).await, Ok(4));
}
