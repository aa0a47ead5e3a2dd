//! A subscription that goes on: every way it can be interrupted, and every one it ends by.

use crate::{
    fake::{Answer, Fake, PATIENCE, damaged, refusal, refusal_after},
    script::{Act, Script, message},
};
use broker_client::{
    Backoff, Client, Error, ErrorKind, Event, Start, SubscribeOptions, Subscription,
};
use broker_proto::{MessageResponse, SubscribeRequest};
use futures_util::{FutureExt, StreamExt, stream};
use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::watch;
use tonic::{Code, Response, Status};

/// Pauses that a test need not wait for.
fn quick() -> SubscribeOptions {
    let backoff =
        Backoff { first: Duration::from_millis(1), most: Duration::from_millis(4), limit: None };
    SubscribeOptions::new().backoff(backoff)
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

async fn begin(script: &Script, start: Start) -> (Client, Subscription) {
    let client = script.fake().client().await;
    let subscription = within(client.subscribe_with("s", start, quick())).await.unwrap();
    (client, subscription)
}

async fn ids(subscription: &mut Subscription, count: usize) -> Vec<u64> {
    let messages = subscription.take(count).map(|message| message.unwrap().id);
    within(messages.collect()).await
}

async fn error(subscription: &mut Subscription) -> Error {
    within(subscription.next()).await.expect("no silent end").unwrap_err()
}

#[tokio::test]
async fn it_goes_on_after_the_last_id_whatever_ended_the_stream() {
    let ends = [
        None,
        Some(refusal(Code::Unavailable, "BROKER_CLOSING")),
        Some(refusal(Code::Unavailable, "STANDBY")),
        Some(refusal(Code::Unavailable, "STORAGE_UNAVAILABLE")),
        Some(refusal(Code::ResourceExhausted, "OVERLOADED")),
        Some(Status::unavailable("no healthy upstream")),
        Some(Status::unknown("broken pipe")),
        Some(Status::cancelled("reset")),
    ];
    let lives = ends.len() as u64;
    let acts = (0..).zip(ends).map(|(life, end)| {
        let messages = [message(2 * life + 1), message(0), message(2 * life + 2)].map(Ok);
        Act::Brings(messages.into_iter().chain(end.map(Err)).collect())
    });
    let script = Script::of(acts);
    let (_client, mut subscription) = begin(&script, Start::Retained).await;
    let wanted: Vec<u64> = (0..lives).flat_map(|life| [2 * life + 1, 0, 2 * life + 2]).collect();
    assert_eq!(ids(&mut subscription, wanted.len()).await, wanted);
    assert_eq!(subscription.resumed(), lives - 1);
    let asked: Vec<u64> = (0..lives).map(|life| 2 * life).collect();
    assert_eq!(script.asked(), asked);
}

#[tokio::test]
async fn events_tell_of_every_attempt_and_the_messages_alone_do_not() {
    let closing = || refusal(Code::Unavailable, "BROKER_CLOSING");
    let script = Script::of([
        Act::Brings(vec![Ok(message(7)), Err(closing())]),
        Act::Refused(closing()),
        Act::Refused(refusal(Code::Unavailable, "STANDBY")),
        Act::Stays(vec![message(8)]),
    ]);
    let (_client, mut subscription) = begin(&script, Start::Retained).await;
    let mut seen = Vec::new();
    while seen.last() != Some(&(8, None)) {
        seen.push(match within(subscription.next_event()).await.unwrap().unwrap() {
            Event::Message(message) => (message.id, None),
            Event::Interrupted { attempt, error, .. } => {
                assert!(!subscription.is_standing());
                (attempt.into(), Some(error.kind()))
            }
            Event::Resumed => (0, None),
            other => panic!("{other:?}"),
        });
    }
    let lost = [(1, ErrorKind::Closing), (2, ErrorKind::Closing), (3, ErrorKind::Standby)];
    let lost = lost.map(|(attempt, kind)| (attempt, Some(kind)));
    assert_eq!(seen, [&[(7, None)][..], &lost, &[(0, None), (8, None)]].concat());
    assert!(subscription.is_standing());
}

#[tokio::test]
async fn with_nothing_stored_received_it_starts_with_all_that_is_kept_again() {
    for start in [Start::Retained, Start::After(0)] {
        let script = Script::of([
            Act::Brings(vec![]),
            Act::Brings(vec![Ok(message(0)), Ok(message(0))]),
            Act::Stays(vec![message(1)]),
        ]);
        let (_client, mut subscription) = begin(&script, start).await;
        assert_eq!(ids(&mut subscription, 3).await, [0, 0, 1]);
        assert_eq!(script.asked(), [0, 0, 0]);
    }
}

#[tokio::test]
async fn after_an_id_it_goes_on_after_that_id_when_nothing_came() {
    let script = Script::of([Act::Brings(vec![Ok(message(0))]), Act::Stays(vec![message(10)])]);
    let (_client, mut subscription) = begin(&script, Start::After(9)).await;
    assert_eq!(subscription.position(), 9);
    assert_eq!(ids(&mut subscription, 2).await, [0, 10]);
    assert_eq!(script.asked(), [9, 9]);
}

/// A broker whose subject has ids up to `last`. Its subscriptions end when `left` turns true; later ones
/// bring the id that follows.
fn with_last(last: u64, left: watch::Receiver<bool>) -> Fake {
    let subscribe = move |request: SubscribeRequest| -> Answer<MessageResponse> {
        let mut left = left.clone();
        let after = request.after_id;
        async move {
            if after > last {
                return Err(refusal(Code::OutOfRange, "RESUME_AHEAD"));
            }
            if *left.borrow() {
                let messages = stream::iter([Ok(message(after + 1))]).chain(stream::pending());
                return Ok(Response::new(messages.boxed()));
            }
            let end = async move { left.wait_for(|left| *left).await.is_err() };
            let silent = stream::once(end).filter_map(|_| async { None });
            Ok(Response::new(silent.boxed()))
        }
        .boxed()
    };
    Fake { subscribe: Arc::new(subscribe), ..Fake::default() }
}

#[tokio::test]
async fn new_goes_on_from_where_it_began() {
    for last in [0, 1, 300, 70_000] {
        let (leave, left) = watch::channel(false);
        let client = with_last(last, left).client().await;
        let new = client.subscribe_with("s", Start::New, quick());
        let mut subscription = within(new).await.unwrap();
        assert_eq!(subscription.position(), last);
        leave.send_replace(true);
        assert_eq!(ids(&mut subscription, 1).await, [last + 1]);
        assert_eq!(subscription.resumed(), 1);
    }
}

#[tokio::test]
async fn new_without_resuming_is_asked_of_the_broker() {
    let script = Script::of([Act::Brings(vec![Ok(message(8))])]);
    let client = script.fake().client().await;
    let options = SubscribeOptions::new().until_interrupted();
    let mut subscription = within(client.subscribe_with("s", Start::New, options)).await.unwrap();
    assert_eq!(script.requests()[0].start, broker_proto::Start::New as i32);
    assert_eq!(subscription.next().await.unwrap().unwrap().id, 8);
    assert_eq!(error(&mut subscription).await.kind(), ErrorKind::Interrupted);
    assert!(subscription.next().await.is_none());
}

#[tokio::test]
async fn what_a_retry_cannot_mend_ends_it_and_is_said_once() {
    for (code, reason, kind) in [
        (Code::OutOfRange, "RESUME_AHEAD", ErrorKind::ResumeAhead),
        (Code::InvalidArgument, "INVALID_SUBJECT", ErrorKind::InvalidSubject),
        (Code::Internal, "INTERNAL", ErrorKind::Internal),
        (Code::PermissionDenied, "", ErrorKind::Refused),
    ] {
        let script =
            Script::of([Act::Brings(vec![Ok(message(4))]), Act::Refused(refusal(code, reason))]);
        let (_client, mut subscription) = begin(&script, Start::Retained).await;
        assert_eq!(ids(&mut subscription, 1).await, [4]);
        assert_eq!(error(&mut subscription).await.kind(), kind, "{reason}");
        assert!(subscription.next().await.is_none());
        assert_eq!((script.asked(), subscription.position()), (vec![0, 4], 4));
    }
}

#[tokio::test]
async fn damage_ends_it_and_it_goes_on_behind_only_when_told() {
    let script = Script::of([
        Act::Brings(vec![Ok(message(4)), Err(damaged(5))]),
        Act::Stays(vec![message(6)]),
    ]);
    let (_client, mut subscription) = begin(&script, Start::Retained).await;
    assert_eq!(ids(&mut subscription, 1).await, [4]);
    assert_eq!(error(&mut subscription).await.kind(), ErrorKind::Damaged { id: Some(5) });
    assert_eq!(subscription.position(), 4, "it was not received");
    assert!(subscription.next().await.is_none());
    subscription.resume();
    assert_eq!(ids(&mut subscription, 1).await, [6]);
    assert_eq!(script.asked(), [0, 5]);
    subscription.resume();
    assert!(subscription.is_standing(), "resume does nothing to one that stands");
}

#[tokio::test]
async fn a_broker_that_repeats_itself_is_found_out() {
    let repeats = [message(1), message(2), message(2), message(1), message(3)];
    let script =
        Script::of([Act::Brings(repeats.map(Ok).into()), Act::Stays(vec![message(3), message(4)])]);
    let (_client, mut subscription) = begin(&script, Start::Retained).await;
    assert_eq!(ids(&mut subscription, 4).await, [1, 2, 3, 4]);
    assert_eq!(subscription.discarded(), 3);
}

#[tokio::test]
async fn the_pause_that_the_broker_asks_for_is_kept() {
    let asked = Duration::from_millis(300);
    let closing = refusal_after(Code::Unavailable, "BROKER_CLOSING", asked);
    let script = Script::of([Act::Brings(vec![Err(closing)]), Act::Stays(vec![message(1)])]);
    let (_client, mut subscription) = begin(&script, Start::Retained).await;
    let begun = Instant::now();
    assert_eq!(ids(&mut subscription, 1).await, [1]);
    assert!(begun.elapsed() >= asked, "after {:?}", begun.elapsed());
}

#[tokio::test]
async fn it_gives_up_at_its_limit_with_the_last_error_and_can_be_resumed() {
    let standby = || refusal(Code::Unavailable, "STANDBY");
    let script = Script::default();
    let client = script.fake().client().await;
    let limit = Duration::from_millis(200);
    let backoff = Backoff { first: limit / 8, most: limit / 8, limit: Some(limit) };
    let options = SubscribeOptions::new().backoff(backoff);
    let mut subscription =
        within(client.subscribe_with("s", Start::After(3), options)).await.unwrap();
    drop(subscription);
    script.play_next(
        [Act::Brings(vec![])].into_iter().chain((0..100).map(|_| Act::Refused(standby()))),
    );
    subscription = within(client.subscribe_with("s", Start::After(3), options)).await.unwrap();
    let begun = Instant::now();
    assert_eq!(error(&mut subscription).await.kind(), ErrorKind::Standby);
    assert!(begun.elapsed() >= limit / 2, "after {:?}", begun.elapsed());
    assert!(subscription.next().await.is_none());
    script.clear();
    script.play_next([Act::Stays(vec![message(4)])]);
    subscription.resume();
    assert_eq!(ids(&mut subscription, 1).await, [4]);
}

#[tokio::test]
async fn the_first_attempt_fails_at_once_unless_it_is_to_wait() {
    let overloaded = || Act::Refused(refusal(Code::ResourceExhausted, "OVERLOADED"));
    let script = Script::of([overloaded()]);
    let client = script.fake().client().await;
    let failed = within(client.subscribe_with("s", Start::Retained, quick())).await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Overloaded);

    script.play_next([overloaded(), overloaded(), Act::Stays(vec![message(1)])]);
    let waiting = client.subscribe_with("s", Start::Retained, quick().wait_for_broker());
    let mut subscription = within(waiting).await.unwrap();
    assert_eq!(ids(&mut subscription, 1).await, [1]);
    assert_eq!((script.asked().len(), subscription.resumed()), (4, 0));

    script.play_next([Act::Refused(refusal(Code::InvalidArgument, "INVALID_SUBJECT"))]);
    let failed =
        within(client.subscribe_with("s", Start::Retained, quick().wait_for_broker())).await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::InvalidSubject);
}

#[tokio::test]
async fn an_attempt_that_gets_no_answer_is_made_again() {
    let silent = Arc::new(Mutex::new(1));
    let script = Script::of([Act::Brings(vec![Ok(message(1))]), Act::Stays(vec![message(2)])]);
    let answering = script.fake().subscribe;
    let fake = Fake {
        subscribe: Arc::new(move |request| {
            let is_silent =
                request.after_id == 1 && std::mem::take(&mut *silent.lock().unwrap()) > 0;
            if is_silent { Box::pin(std::future::pending()) } else { answering(request) }
        }),
        ..Fake::default()
    };
    let client = fake.client().await.with_deadline(Duration::from_millis(200));
    let mut subscription =
        within(client.subscribe_with("s", Start::Retained, quick())).await.unwrap();
    assert_eq!(ids(&mut subscription, 2).await, [1, 2]);
}

#[tokio::test]
async fn dropped_waits_lose_nothing() {
    let closing = || Err(refusal(Code::Unavailable, "BROKER_CLOSING"));
    let script = Script::of([
        Act::Brings(vec![Ok(message(1)), closing()]),
        Act::Brings(vec![Ok(message(2)), closing()]),
        Act::Stays(vec![message(3)]),
    ]);
    let (_client, mut subscription) = begin(&script, Start::Retained).await;
    let mut ids = Vec::new();
    within(async {
        while ids.len() < 3 {
            // Asked once and dropped, again and again.
            match subscription.next().now_or_never() {
                Some(message) => ids.push(message.unwrap().unwrap().id),
                None => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    assert_eq!(ids, [1, 2, 3]);
}
