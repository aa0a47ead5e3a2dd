//! A publisher with a future for each message, against a broker that fails.

use crate::{
    fake::{PATIENCE, refusal, refusal_after},
    ledger::{Arrival, Ledger, Say},
};
use broker_client::{
    Backoff, Client, Error, ErrorKind, PublishOptions, Published, Publisher, PublisherOptions,
    Receipt, Retry,
};
use futures_util::{FutureExt, future::join_all};
use std::{
    future::Future,
    time::{Duration, Instant},
};
use tonic::{Code, Status};

type Answer = Result<Published, Error>;

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

fn retrying() -> PublisherOptions {
    let backoff =
        Backoff { first: Duration::from_millis(1), most: Duration::from_millis(4), limit: None };
    PublisherOptions::new().retry(backoff)
}

async fn send(publisher: &Publisher, body: impl ToString) -> Receipt {
    within(publisher.send("s", body.to_string(), PublishOptions::keep())).await
}

async fn send_all<const N: usize>(publisher: &Publisher, bodies: [&str; N]) -> Vec<Answer> {
    let mut receipts = Vec::new();
    for body in bodies {
        receipts.push(send(publisher, body).await);
    }
    within(join_all(receipts)).await
}

async fn until(mut is_so: impl FnMut() -> bool) {
    within(async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

fn kinds(answers: &[Answer]) -> Vec<Option<(ErrorKind, Retry)>> {
    let kind = |error: &Error| (error.kind(), error.retry());
    answers.iter().map(|answer| answer.as_ref().err().map(kind)).collect()
}

const SAFE: Retry = Retry::Safe { after: None };

fn closing() -> Status {
    refusal(Code::Unavailable, "BROKER_CLOSING")
}

#[tokio::test]
async fn everyone_gets_the_answer_to_his_own_message() {
    let ledger = Ledger::new(|arrival| match arrival.body {
        "bad" => Say::Refused(refusal(Code::InvalidArgument, "INVALID_HEADER")),
        _ => Say::Stored,
    });
    let publisher = ledger.fake().client().await.publisher();
    let large = vec![0; broker_client::MAX_MESSAGE_BYTES + 1];
    let large = within(publisher.publish("s", large, PublishOptions::keep()));
    let (answers, large) = tokio::join!(send_all(&publisher, ["a", "bad", "b"]), large);
    assert_eq!([answers[0].as_ref().unwrap().id, answers[2].as_ref().unwrap().id], [1, 3]);
    let invalid = Some((ErrorKind::InvalidHeader, Retry::Useless));
    assert_eq!(kinds(&answers), [None, invalid, None]);
    assert_eq!(large.unwrap_err().kind(), ErrorKind::MessageTooLarge);
    assert_eq!(
        (ledger.bodies(), ledger.streams()),
        (vec!["a".into(), "bad".into(), "b".into()], 1)
    );
}

#[tokio::test]
async fn a_message_of_unknown_outcome_is_never_sent_again() {
    for options in [PublisherOptions::new(), retrying()] {
        let ledger = Ledger::new(|arrival| match arrival {
            Arrival { body: "cut", .. } => Say::Ends(Status::unavailable("connection reset")),
            Arrival { body: "late", .. } => {
                Say::Refused(refusal(Code::DeadlineExceeded, "OUTCOME_UNKNOWN"))
            }
            _ => Say::Stored,
        });
        let client = ledger.fake().client().await;
        let publisher = client.publisher_with(options);
        let unknown = |kind| Some((kind, Retry::OutcomeUnknown));
        let answers = send_all(&publisher, ["a", "late", "b"]).await;
        assert_eq!(kinds(&answers), [None, unknown(ErrorKind::OutcomeUnknown), None]);
        let answers = send_all(&publisher, ["c", "cut"]).await;
        assert_eq!(kinds(&answers), [None, unknown(ErrorKind::Interrupted)]);
        // The publisher itself goes on, over a new stream.
        assert_eq!(kinds(&send_all(&publisher, ["d"]).await), [None]);
        assert_eq!(ledger.bodies(), ["a", "late", "b", "c", "cut", "d"]);
        assert_eq!(ledger.streams(), 2);
    }
}

#[tokio::test]
async fn what_is_surely_not_stored_is_told_and_by_default_not_sent_again() {
    let ledger = Ledger::new(|arrival| match arrival.body {
        "closing" => Say::Ends(closing()),
        "full" => Say::Refused(refusal(Code::ResourceExhausted, "OVERLOADED")),
        _ => Say::Stored,
    });
    let publisher = ledger.fake().client().await.publisher();
    let answers = send_all(&publisher, ["a", "full"]).await;
    assert_eq!(kinds(&answers), [None, Some((ErrorKind::Overloaded, SAFE))]);
    let answers = send_all(&publisher, ["closing"]).await;
    assert_eq!(kinds(&answers), [Some((ErrorKind::Closing, SAFE))]);
    assert_eq!(ledger.bodies(), ["a", "full", "closing"]);
}

#[tokio::test]
async fn when_asked_to_it_sends_again_after_the_pause_that_the_broker_names() {
    let pause = Duration::from_millis(250);
    let ledger = Ledger::new(move |arrival| match (arrival.body, arrival.time) {
        ("closing", 1) => Say::Ends(refusal_after(Code::Unavailable, "BROKER_CLOSING", pause)),
        ("standby", 1 | 2) => Say::Ends(refusal(Code::Unavailable, "STANDBY")),
        _ => Say::Stored,
    });
    let publisher = ledger.fake().client().await.publisher_with(retrying());
    let begun = Instant::now();
    assert_eq!(kinds(&send_all(&publisher, ["a", "closing", "b"]).await), [None, None, None]);
    assert!(begun.elapsed() >= pause, "after {:?}", begun.elapsed());
    assert_eq!(kinds(&send_all(&publisher, ["standby", "c"]).await), [None, None]);
    let stored = ["a", "closing", "b", "standby", "c"];
    let mut last_times = ledger.bodies();
    last_times.reverse();
    let mut seen = std::collections::HashSet::new();
    last_times.retain(|body| seen.insert(body.clone()));
    last_times.reverse();
    assert_eq!(last_times, stored, "sent again in their order");
}

#[tokio::test]
async fn one_that_is_sent_again_is_overtaken_only_by_what_was_on_the_way() {
    let pause = Duration::from_millis(200);
    let ledger = Ledger::new(move |arrival| match (arrival.body, arrival.time) {
        ("2", 1) => Say::Refused(refusal_after(Code::ResourceExhausted, "OVERLOADED", pause)),
        ("3", 1) => Say::Refused(refusal(Code::ResourceExhausted, "OVERLOADED")),
        _ => Say::Stored,
    });
    let publisher = ledger.fake().client().await.publisher_with(retrying());
    let mut first = Vec::new();
    for body in 1..=4 {
        first.push(send(&publisher, body).await);
    }
    within(&mut first[3]).await.unwrap();
    // Ordered during the pause.
    let next = send_all(&publisher, ["5", "6"]).await;
    let answers = within(join_all(first.into_iter().take(3))).await;
    assert!(answers.iter().chain(&next).all(Result::is_ok));
    assert_eq!(ledger.bodies(), ["1", "2", "3", "4", "2", "3", "5", "6"]);
}

#[tokio::test]
async fn a_broker_that_is_not_there_fails_at_once_or_at_the_limit() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = Client::connect_lazy(&format!("127.0.0.1:{port}")).unwrap();
    let unreachable = [Some((ErrorKind::Unreachable, SAFE))];
    assert_eq!(kinds(&send_all(&client.publisher(), ["a"]).await), unreachable);

    let limit = Duration::from_millis(200);
    let backoff = Backoff { first: limit / 8, most: limit / 8, limit: Some(limit) };
    let publisher = client.publisher_with(PublisherOptions::new().retry(backoff));
    let begun = Instant::now();
    assert_eq!(kinds(&send_all(&publisher, ["a"]).await), unreachable);
    assert!(begun.elapsed() >= limit / 2, "after {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_broker_that_never_answers_is_given_up_and_its_memory_bounded() {
    let ledger = Ledger::new(|arrival| match arrival.time {
        1 if arrival.body.starts_with("lost") => Say::Nothing,
        _ => Say::Stored,
    });
    let client = ledger.fake().client().await.with_deadline(Duration::from_millis(500));
    let options = PublisherOptions::new().bytes_in_flight(0);
    let publisher = client.publisher_with(options);
    let mut receipts = Vec::new();
    let body = || format!("lost{}", "x".repeat(100 * 1024));
    while let Some(receipt) = publisher.send("s", body(), PublishOptions::keep()).now_or_never() {
        receipts.push(receipt);
    }
    // Room for one message of the largest size.
    assert_eq!(receipts.len(), broker_client::MAX_MESSAGE_BYTES / (100 * 1024));
    assert!(publisher.flush().now_or_never().is_none(), "nothing is answered");
    let answers = within(join_all(receipts)).await;
    let late = kinds(&answers);
    assert_eq!(late[0], Some((ErrorKind::DeadlinePassed, Retry::OutcomeUnknown)));
    // Some of the last may not have left.
    assert!(late.iter().all(|late| matches!(late, Some((ErrorKind::DeadlinePassed, _)))));
    assert_eq!(kinds(&send_all(&publisher, ["next"]).await), [None]);
    within(publisher.flush()).await;
}

/// Whoever leaves something behind does so more often than this.
const ROUNDS: usize = 5;

/// Tasks that live at the moment.
fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// Everything that publishers began has ended; `before` may not have counted the connection itself.
async fn nothing_is_left(ledger: &Ledger, before: usize) {
    until(|| ledger.open() == 0 && tasks() <= before + 1).await;
}

#[tokio::test]
async fn a_dropped_publisher_publishes_all_and_leaves_nothing_behind() {
    let ledger = Ledger::new(|_| Say::Stored);
    let client = ledger.fake().client().await;
    let before = tasks();
    for round in 0..ROUNDS {
        let publisher = client.publisher();
        for number in 0..1_000 {
            drop(send(&publisher, round * 1_000 + number).await);
        }
    }
    until(|| ledger.bodies().len() == ROUNDS * 1_000).await;
    nothing_is_left(&ledger, before).await;
    let mut sent: Vec<usize> = ledger.bodies().iter().map(|body| body.parse().unwrap()).collect();
    sent.sort_unstable();
    assert!(sent.into_iter().eq(0..ROUNDS * 1_000));
}

#[tokio::test]
async fn a_dropped_publisher_retries_nothing() {
    let ledger = Ledger::new(|_| Say::Refused(closing()));
    let client = ledger.fake().client().await;
    let before = tasks();
    for round in 1..=ROUNDS {
        let publisher = client.publisher_with(retrying());
        let receipt = send(&publisher, round).await;
        until(|| ledger.bodies().len() > round * 3).await;
        drop(publisher);
        assert_eq!(within(receipt).await.unwrap_err().kind(), ErrorKind::Closing);
    }
    nothing_is_left(&ledger, before).await;
}

#[tokio::test]
async fn an_idle_stream_is_given_back() {
    let ledger = Ledger::new(|_| Say::Stored);
    let publisher = ledger.fake().client().await.publisher();
    assert_eq!(kinds(&send_all(&publisher, ["a"]).await), [None]);
    assert_eq!((ledger.open(), ledger.streams()), (1, 1));
    // From here on time passes as soon as everyone waits for it.
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    while ledger.open() > 0 {
        tokio::time::advance(Duration::from_secs(1)).await;
        tokio::task::yield_now().await;
        assert!(begun.elapsed() < Duration::from_secs(600), "it is never given back");
    }
    assert!(begun.elapsed() >= Duration::from_secs(25), "after {:?}", begun.elapsed());
    tokio::time::resume();
    assert_eq!(kinds(&send_all(&publisher, ["b"]).await), [None]);
    assert_eq!(ledger.streams(), 2);
}
