//! The cases.

use super::scene::{Scene, answer, take};
use crate::support::{StoreUnderTest, subject};
use broker_core::{
    AppendError, FetchError, Lifetime, MessageId, PublishError, ReadFailure, Start, SubscribeError,
    SubscriptionEnd,
};
use broker_storage::faulty::{Hold, WriteFault};
use futures_util::FutureExt;

pub async fn what_is_stored_early_is_shown_to_nobody(under: impl StoreUnderTest + 'static) {
    let scene = Scene::patient(under).await;
    let mut live = scene.broker.subscribe(subject("s"), Start::New).await.unwrap();
    let first = scene.submit_held("s", "first", Hold::Start, 1).await;
    // The second is in the store before the first, and even its answer is there.
    let mut second = scene.submit("s", "second", Lifetime::Forever);
    while !scene.store_has("s", 2).await {
        tokio::task::yield_now().await;
    }
    assert_eq!(scene.fetch("s", 2).await, Err(FetchError::NotFound));
    assert_eq!(scene.listed().await, []);
    let mut early = scene.broker.subscribe(subject("s"), Start::Retained).await.unwrap();
    assert!(live.next(1, &mut Vec::new()).now_or_never().is_none());
    assert!(early.next(1, &mut Vec::new()).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none(), "not answered before the first");
    let ahead = scene.broker.subscribe(subject("s"), Start::After(MessageId(1))).await.err();
    let (after, last) = (MessageId(1), MessageId::NONE);
    assert_eq!(ahead, Some(SubscribeError::ResumeAhead { after, last }));
    scene.store.release(0);
    assert_eq!([answer(first).await, answer(second).await], [Ok(1), Ok(2)]);
    for subscription in [&mut live, &mut early] {
        assert_eq!(take(subscription, 2).await, ["first", "second"]);
    }
    assert_eq!(scene.fetch("s", 2).await, Ok("second".into()));
    assert_eq!(scene.listed().await, [("s".to_owned(), 2, 2)]);
}

pub async fn an_open_outcome_holds_its_subject_and_no_other(under: impl StoreUnderTest + 'static) {
    let scene = Scene::impatient(under).await;
    let mut live = scene.broker.subscribe(subject("s"), Start::New).await.unwrap();
    let unknown = || AppendError::Unknown("connection lost".into());
    // It is written, nobody knows, and the repeated append hangs.
    scene.then(WriteFault::After(unknown()), Hold::No);
    scene.then(WriteFault::None, Hold::Start);
    let open = scene.submit("s", "open", Lifetime::Forever);
    scene.store.wait_held(1).await;
    assert_eq!(scene.publish("other", "free").await, Ok(1));
    let later = scene.submit("s", "later", Lifetime::Forever);
    assert_eq!(answer(open).await, Err(PublishError::OutcomeUnknown), "told after a while");
    assert_eq!(scene.fetch("s", 1).await, Err(FetchError::NotFound));
    assert_eq!(scene.listed().await, [("other".to_owned(), 1, 1)]);
    assert!(live.next(1, &mut Vec::new()).now_or_never().is_none());
    scene.store.release_all();
    assert_eq!(take(&mut live, 2).await, ["open", "later"], "its place was held");
    // By then its publisher may have been told that nobody knows.
    assert!(matches!(answer(later).await, Ok(2) | Err(PublishError::OutcomeUnknown)));
    assert_eq!(scene.fetch("s", 1).await, Ok("open".into()));
}

pub async fn what_is_delivered_only_keeps_its_place(under: impl StoreUnderTest + 'static) {
    let scene = Scene::patient(under).await;
    let mut live = scene.broker.subscribe(subject("s"), Start::New).await.unwrap();
    let first = scene.submit_held("s", "stored", Hold::Answer, 1).await;
    let mut second = scene.submit("s", "delivered", Lifetime::DeliverOnly);
    assert!(live.next(1, &mut Vec::new()).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    scene.store.release(0);
    assert_eq!(take(&mut live, 2).await, ["stored", "delivered"]);
    assert_eq!([answer(first).await, answer(second).await], [Ok(1), Ok(0)]);
}

pub async fn a_failed_append_lets_later_ones_go_on(under: impl StoreUnderTest + 'static) {
    let scene = Scene::patient(under).await;
    let mut live = scene.broker.subscribe(subject("s"), Start::New).await.unwrap();
    let unavailable = AppendError::Unavailable("gone".into());
    scene.then(WriteFault::Before(unavailable), Hold::Start);
    let first = scene.submit("s", "first", Lifetime::Forever);
    scene.store.wait_held(1).await;
    let second = scene.submit("s", "delivered", Lifetime::DeliverOnly);
    let third = scene.submit("s", "third", Lifetime::Forever);
    scene.store.release(0);
    assert_eq!(answer(first).await, Err(PublishError::StorageUnavailable));
    assert_eq!(answer(second).await, Ok(0));
    assert!(answer(third).await.is_ok_and(|id| id > 1));
    assert_eq!(take(&mut live, 2).await, ["delivered", "third"]);
    assert!(scene.fetch("s", 1).await.is_err());
}

pub async fn what_is_lost_is_shown_to_nobody(under: impl StoreUnderTest + 'static) {
    let scene = Scene::patient(under).await;
    let lost = AppendError::Lost("the disk failed".into());
    scene.then(WriteFault::After(lost), Hold::No);
    assert_eq!(scene.publish("s", "lost").await, Err(PublishError::OutcomeUnknown));
    let kept = scene.publish("s", "kept").await.unwrap();
    assert!(kept > 1);
    assert!(scene.fetch("s", 1).await.is_err());
    let mut replay = scene.broker.subscribe(subject("s"), Start::Retained).await.unwrap();
    assert_eq!(take(&mut replay, 1).await, ["kept"]);
}

pub async fn an_open_outcome_is_told_in_time(under: impl StoreUnderTest + 'static) {
    let scene = Scene::impatient(under).await;
    let mut live = scene.broker.subscribe(subject("s"), Start::New).await.unwrap();
    let receipt = scene.submit_held("s", "slow", Hold::Start, 1).await;
    assert_eq!(answer(receipt).await, Err(PublishError::OutcomeUnknown));
    scene.store.release(0);
    // It was stored after all, and what comes later has its place behind it.
    let next = scene.publish("s", "next").await;
    assert!(matches!(next, Ok(2) | Err(PublishError::OutcomeUnknown)), "{next:?}");
    assert_eq!(take(&mut live, 2).await, ["slow", "next"]);
    assert_eq!(scene.fetch("s", 1).await, Ok("slow".into()));
}

pub async fn damage_ends_a_subscription_and_the_next_goes_on_after_it(
    under: impl StoreUnderTest + 'static,
) {
    let scene = Scene::patient(under).await;
    for body in ["first", "second", "third"] {
        scene.publish("s", body).await.unwrap();
    }
    scene.script.damage(&subject("s"), MessageId(2));
    let damaged = ReadFailure::Damaged(MessageId(2));
    assert_eq!(scene.fetch("s", 2).await, Err(FetchError::Read(damaged)));
    let mut replay = scene.broker.subscribe(subject("s"), Start::Retained).await.unwrap();
    assert_eq!(take(&mut replay, 1).await, ["first"]);
    let end = replay.next(1, &mut Vec::new()).await;
    assert_eq!(end, Err(SubscriptionEnd::Read(damaged)));
    let mut rest = scene.broker.subscribe(subject("s"), Start::After(MessageId(2))).await.unwrap();
    assert_eq!(take(&mut rest, 1).await, ["third"]);
}

pub async fn a_fenced_broker_ends_its_subscriptions(under: impl StoreUnderTest + 'static) {
    let scene = Scene::patient(under).await;
    let mut live = scene.broker.subscribe(subject("s"), Start::New).await.unwrap();
    scene.then(WriteFault::Before(AppendError::Fenced), Hold::No);
    assert_eq!(scene.publish("s", "fenced").await, Err(PublishError::Standby));
    let end = live.next(1, &mut Vec::new()).await;
    assert_eq!(end, Err(SubscriptionEnd::Standby));
    let again = scene.broker.subscribe(subject("s"), Start::New).await.err();
    assert_eq!(again, Some(SubscribeError::Standby));
    assert_eq!(scene.fetch("s", 1).await, Err(FetchError::Standby));
}
