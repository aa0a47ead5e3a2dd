//! A broker is told to leave while its database is away.

use crate::{
    calls,
    database::{Kind, SLACK, UNAVAILABLE_AFTER, over_both},
    process::Broker,
    waiting::{PATIENCE, timed, until},
};
use broker_test_servers::{Direction, Proxy};
use rustix::process::Signal;
use std::time::Duration;
use tonic::Code;

over_both!(
    who_is_told_to_leave_does_not_wait_for_a_database_that_is_away,
    what_was_sent_to_a_silent_database_is_answered_before_it_leaves,
);

/// How long the lease is tried to be given back: a statement's time, shorter than half a lease.
const STATEMENT: Duration = Duration::from_millis(1_500);
const OUTCOME: Duration = Duration::from_secs(4);
const LARGE: usize = 100_000;
const GRACE: Duration = Duration::from_secs(30);

async fn start(kind: Kind, proxy: &Proxy) -> Broker {
    let launch = kind.launch(proxy.address());
    let launch = launch.with("--database-statement-timeout", "1500ms");
    let launch = launch.with("--outcome-timeout", "4s").with("--grace", "30s");
    // A connection that stands takes the next message.
    let one = if kind == Kind::Postgres { &["--postgres-writers"][..] } else { &[] };
    Broker::start(&one.iter().fold(launch, |launch, flag| launch.with(flag, "1"))).await
}

async fn who_is_told_to_leave_does_not_wait_for_a_database_that_is_away(kind: Kind) {
    let proxy = Proxy::before(kind.shared()).await;
    let mut broker = start(kind, &proxy).await;
    let client = calls::connect(broker.address).await;
    calls::publish(&client, calls::kept("a", "x")).await.expect("stored");
    let mut live = calls::subscribe(&client, "a", 1).await.expect("a subscription");
    proxy.go_away().await;
    broker.signal(Signal::TERM);
    let (status, took) = timed(broker.ended(PATIENCE)).await;
    println!("{kind:?}: left after {took:?}");
    assert_eq!(status.code(), Some(0), "{}", broker.log.tail());
    assert!(took < STATEMENT + SLACK, "{took:?}");
    is_closing(&calls::next(&mut live).await.expect_err("it leaves"));
    says_that_the_lease_is_not_given_back(&broker).await;
}

/// Its connections stand, and nothing comes over them: what was sent may be stored.
async fn what_was_sent_to_a_silent_database_is_answered_before_it_leaves(kind: Kind) {
    let proxy = Proxy::before(kind.shared()).await;
    let mut broker = start(kind, &proxy).await;
    let client = calls::connect(broker.address).await;
    // As large as the next one, which lies beside it.
    calls::publish(&client, calls::kept("a", vec![7; LARGE])).await.expect("stored");
    let mut live = calls::subscribe(&client, "a", 1).await.expect("a subscription");
    let arrived = proxy.passed(Direction::Up);
    proxy.swallow(Direction::Down);
    let sent = tokio::spawn({
        let client = client.clone();
        async move { calls::publish(&client, calls::kept("a", vec![7; LARGE])).await }
    });
    until(PATIENCE, "the message is with the database", async || {
        (proxy.passed(Direction::Up) > arrived + LARGE as u64).then_some(())
    })
    .await;
    broker.signal(Signal::TERM);
    let (status, took) = timed(broker.ended(PATIENCE)).await;
    println!("{kind:?}: left after {took:?}");
    assert_eq!(status.code(), Some(0), "{}", broker.log.tail());
    assert!(took < GRACE && took < OUTCOME + UNAVAILABLE_AFTER + STATEMENT + SLACK, "{took:?}");
    let told = sent.await.expect("it is told").expect_err("nobody knows");
    assert_eq!((told.code(), &*calls::reason(&told)), (Code::DeadlineExceeded, "OUTCOME_UNKNOWN"));
    is_closing(&calls::next(&mut live).await.expect_err("it leaves"));
    says_that_the_lease_is_not_given_back(&broker).await;
}

fn is_closing(told: &tonic::Status) {
    assert_eq!((told.code(), &*calls::reason(told)), (Code::Unavailable, "BROKER_CLOSING"));
}

async fn says_that_the_lease_is_not_given_back(broker: &Broker) {
    until(PATIENCE, "the log says that the lease is not given back", async || {
        broker.log.find(|line| line.contains("the lease was not given back").then_some(()))
    })
    .await;
}
