//! A store that another broker may own, or owns.

use super::{KEEP, PASS, plain};
use crate::{
    AppendError, Appended, FetchError, Limits, ListingQuery, MessageId, PublishError, PurgeError,
    ReadFailure, Start, SubscribeError, SubscriptionEnd,
    testing::{Bench, answer, publication, subject, take},
};

const AWAY: ReadFailure = ReadFailure::StorageUnavailable;

#[tokio::test]
async fn while_it_may_not_be_the_owner_it_answers_nothing_in_the_owners_name() {
    let bench = Bench::new(Limits::default()).await;
    let mut standing = bench.broker.subscribe(subject("s"), Start::New).await.unwrap();
    bench.publish("s", "a", KEEP).await.unwrap();
    bench.store.doubt(true);
    for lifetime in [KEEP, PASS] {
        let refused = bench.publish("s", "b", lifetime).await;
        assert_eq!(refused, Err(PublishError::StorageUnavailable));
    }
    let broker = &bench.broker;
    assert_eq!(broker.fetch(&subject("s"), MessageId(1)).await, Err(FetchError::Read(AWAY)));
    assert_eq!(broker.fetch(&subject("s"), MessageId(9)).await, Err(FetchError::Read(AWAY)));
    let refused = broker.subscribe(subject("s"), Start::Retained).await.err();
    assert_eq!(refused, Some(SubscribeError::Read(AWAY)));
    assert_eq!(broker.purge(subject("s"), None).await, Err(PurgeError::Read(AWAY)));
    assert!(broker.count(subject("s"), MessageId::NONE, None).await.is_err());
    assert!(broker.subjects(&ListingQuery::default()).await.is_err());
    // The doubt was for a moment only; what stood goes on.
    bench.store.doubt(false);
    assert_eq!(bench.publish("s", "c", KEEP).await, Ok(2));
    assert_eq!(take(&mut standing, 2).await, plain(&["a", "c"]));
    assert!(broker.fetch(&subject("s"), MessageId(1)).await.is_ok());
}

#[tokio::test]
async fn in_doubt_the_stores_word_counts_and_what_needs_no_store_is_withheld() {
    let bench = Bench::new(Limits::default()).await;
    let mut standing = bench.broker.subscribe(subject("s"), Start::New).await.unwrap();
    bench.store.hold();
    let stored = bench.submit("s", "stored", KEEP);
    let passed = bench.submit("s", "passed", PASS);
    let held = bench.store.held().await;
    bench.store.doubt(true);
    held.succeed();
    assert_eq!(answer(stored).await, Ok(1));
    assert_eq!(answer(passed).await, Err(PublishError::StorageUnavailable));
    assert_eq!(take(&mut standing, 1).await, plain(&["stored"]));
}

#[tokio::test]
async fn a_fenced_broker_answers_what_is_known_and_acknowledges_nothing() {
    let bench = Bench::new(Limits { appends_in_flight: 1, ..Limits::default() }).await;
    let mut standing = bench.broker.subscribe(subject("s"), Start::New).await.unwrap();
    bench.store.hold();
    let under_way = bench.submit("s", "a", KEEP);
    let passed = bench.submit("s", "b", PASS);
    let held = bench.store.held().await;
    let waiting = bench.submit("t", "c", KEEP);
    // Another call's answer shows that the shard has seen all of them.
    assert_eq!(bench.publish("u", "d", PASS).await, Ok(0));
    let fenced = tokio::spawn(bench.broker.fenced());
    bench.store.fence("epoch 8 is over");
    assert_eq!(answer(under_way).await, Err(PublishError::OutcomeUnknown));
    assert_eq!(answer(passed).await, Err(PublishError::Standby));
    assert_eq!(answer(waiting).await, Err(PublishError::Standby), "it was never handed over");
    assert_eq!(standing.next(1, &mut Vec::new()).await, Err(SubscriptionEnd::Standby));
    assert_eq!(&*fenced.await.unwrap(), "epoch 8 is over");
    assert_eq!(&*bench.broker.fenced().await, "epoch 8 is over", "whoever asks later hears it too");
    assert!(!bench.broker.is_owner());
    drop(held);
    everything_is_refused(&bench).await;
    bench.broker.close().await;
}

async fn everything_is_refused(bench: &Bench) {
    let broker = &bench.broker;
    let submitted = broker.try_submit(vec![publication("s", "x", PASS)]).err();
    assert_eq!(submitted, Some(PublishError::Standby));
    let submitted = broker.submit(vec![publication("s", "x", PASS)]).await.err();
    assert_eq!(submitted, Some(PublishError::Standby));
    let refused = broker.subscribe(subject("s"), Start::New).await.err();
    assert_eq!(refused, Some(SubscribeError::Standby));
    assert_eq!(broker.fetch(&subject("s"), MessageId(1)).await, Err(FetchError::Standby));
    assert_eq!(broker.purge(subject("s"), None).await, Err(PurgeError::Standby));
}

#[tokio::test]
async fn a_word_that_comes_together_with_the_fence_is_no_acknowledgement() {
    let bench = Bench::new(Limits::default()).await;
    bench.store.hold();
    let stored = bench.submit("s", "a", KEEP);
    let held_stored = bench.store.held().await;
    let refused = bench.submit("t", "b", KEEP);
    let held_refused = bench.store.held().await;
    // All three at once, before the shard has its turn.
    held_stored.succeed();
    held_refused.answer(vec![Appended::Refused("no".into())]);
    bench.store.fence("taken over");
    assert_eq!(answer(stored).await, Err(PublishError::OutcomeUnknown));
    assert_eq!(answer(refused).await, Err(PublishError::Refused));
}

#[tokio::test(start_paused = true)]
async fn an_append_that_hears_of_the_fence_stops_the_broker() {
    let bench = Bench::new(Limits::default()).await;
    let mut standing = bench.broker.subscribe(subject("s"), Start::New).await.unwrap();
    bench.store.hold();
    let doubtful = bench.submit("t", "a", KEEP);
    bench.store.held().await.fail(AppendError::Unknown("cut off".into()));
    let fenced = bench.submit("s", "b", KEEP);
    bench.store.held().await.fail(AppendError::Fenced);
    assert_eq!(answer(fenced).await, Err(PublishError::Standby), "surely not stored");
    // What an earlier try may have written, no later word takes back.
    assert_eq!(answer(doubtful).await, Err(PublishError::OutcomeUnknown));
    assert_eq!(standing.next(1, &mut Vec::new()).await, Err(SubscriptionEnd::Standby));
    bench.broker.fenced().await;
    everything_is_refused(&bench).await;
}

#[tokio::test(start_paused = true)]
async fn a_repeat_that_hears_of_the_fence_leaves_the_outcome_unknown() {
    let bench = Bench::new(Limits::default()).await;
    bench.store.hold();
    let doubtful = bench.submit("s", "a", KEEP);
    bench.store.held().await.fail(AppendError::Unknown("cut off".into()));
    bench.store.held().await.fail(AppendError::Fenced);
    assert_eq!(answer(doubtful).await, Err(PublishError::OutcomeUnknown));
    bench.broker.fenced().await;
}

#[tokio::test]
async fn a_read_or_a_purge_that_hears_of_the_fence_stops_the_broker() {
    for reads in [true, false] {
        let bench = Bench::new(Limits::default()).await;
        bench.publish("s", "a", KEEP).await.unwrap();
        bench.store.answer_fenced();
        if reads {
            let refused = bench.broker.fetch(&subject("s"), MessageId(1)).await;
            assert_eq!(refused, Err(FetchError::Read(ReadFailure::Standby)));
        } else {
            let refused = bench.broker.purge(subject("s"), None).await;
            assert_eq!(refused, Err(PurgeError::Standby));
        }
        bench.broker.fenced().await;
        everything_is_refused(&bench).await;
    }
}

#[tokio::test]
async fn who_is_fenced_while_leaving_acknowledges_nothing_and_leaves() {
    let bench = Bench::new(Limits::default()).await;
    bench.store.hold();
    let accepted = bench.submit("s", "a", KEEP);
    let _held = bench.store.held().await;
    let broker = bench.broker.clone();
    let closing = tokio::spawn(async move { broker.close().await });
    while bench.broker.try_submit(Vec::new()).is_ok() {
        tokio::task::yield_now().await;
    }
    bench.store.fence("taken over");
    assert_eq!(answer(accepted).await, Err(PublishError::OutcomeUnknown));
    closing.await.unwrap();
}
