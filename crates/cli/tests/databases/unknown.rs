//! The database's answer to an append is lost.

use crate::{
    body,
    calls::{self, Client},
    database::{Kind, LEASE, SLACK, over_both, text},
    entry::Lifetime,
    process::Broker,
    publisher::Publisher,
    waiting::{PATIENCE, timed, until},
};
use broker_test_servers::{Direction, Proxy};
use std::time::{Duration, Instant};
use tonic::Code;

over_both!(an_answer_that_is_lost_is_waited_for_and_then_told);

const OUTCOME_TIMEOUT: Duration = Duration::from_secs(1);
const BYTES: usize = 100;

async fn an_answer_that_is_lost_is_waited_for_and_then_told(kind: Kind) {
    let proxy = Proxy::before(kind.shared()).await;
    let launch = kind.launch(proxy.address()).with("--outcome-timeout", text(OUTCOME_TIMEOUT));
    let broker = Broker::start(&launch).await;
    let client = calls::connect(broker.address).await;
    let mut publisher = Publisher::default();
    for subject in ["held", "other"] {
        publisher.publish(&client, subject, Lifetime::Kept, BYTES).await.expect("stored");
    }
    let mut held = calls::subscribe(&client, "held", 1).await.expect("a subscription");
    let mut other = calls::subscribe(&client, "other", 1).await.expect("a subscription");

    let took = loses_an_answer(&proxy, &client, &mut publisher).await;
    assert!(took < OUTCOME_TIMEOUT + SLACK, "{took:?}");

    // For longer than the lease: nobody can take over through a database that nobody reaches.
    let began = Instant::now();
    until(PATIENCE, "an outage that is longer than the lease", async || {
        needs_no_store(&client, &mut other).await;
        (began.elapsed() > 2 * LEASE).then_some(())
    })
    .await;

    proxy.cut();
    proxy.pass(Direction::Down);
    until(PATIENCE, "it is stored again", async || {
        publisher.publish(&client, "held", Lifetime::Kept, BYTES).await.ok()
    })
    .await;
    shows_what_a_replay_shows(&client, &mut held).await;
    publisher.audit(&client).await;
}

/// Has the answer to an append swallowed. Answers how long it took until its publisher heard of it.
async fn loses_an_answer(proxy: &Proxy, client: &Client, publisher: &mut Publisher) -> Duration {
    until(2 * PATIENCE, "a lost answer", async || {
        proxy.swallow(Direction::Down);
        let sent = publisher.publish(client, "held", Lifetime::Kept, BYTES);
        let (told, took) = timed(sent).await;
        let told = told.expect_err("no answer comes through");
        if told.code() == Code::DeadlineExceeded {
            assert_eq!(calls::reason(&told), "OUTCOME_UNKNOWN");
            assert_eq!(calls::retry_after(&told), None);
            return Some(took);
        }
        // It was not sent: a new connection was wanted for it, and did not come to stand.
        assert_eq!(calls::reason(&told), "STORAGE_UNAVAILABLE");
        proxy.cut();
        proxy.pass(Direction::Down);
        until(PATIENCE, "it is stored again", async || {
            publisher.publish(client, "held", Lifetime::Kept, BYTES).await.ok()
        })
        .await;
        None
    })
    .await
}

/// Delivered-only messages of a subject in use go on.
async fn needs_no_store(
    client: &Client,
    listener: &mut tonic::Streaming<broker_proto::MessageResponse>,
) {
    let mut request = calls::kept("other", "x");
    request.keep = false;
    assert_eq!(calls::publish(client, request).await.expect("delivered only"), 0);
    assert_eq!(calls::next(listener).await.expect("it is delivered").id, 0);
}

/// What a subscriber of the subject saw is what a replay shows.
async fn shows_what_a_replay_shows(
    client: &Client,
    live: &mut tonic::Streaming<broker_proto::MessageResponse>,
) {
    let stored = calls::replay(client, "held", 1).await;
    for message in stored.iter().filter(|message| message.id > 1) {
        let seen = calls::next(live).await.expect("the subscription goes on");
        assert_eq!((seen.id, &seen.body), (message.id, &message.body));
        assert!(body::decode(&seen.body).is_some());
    }
}
