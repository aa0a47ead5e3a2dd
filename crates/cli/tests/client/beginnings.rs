//! Where a subscription begins, and that it keeps to that over a restart of the broker.

use crate::{
    calls,
    launch::Launch,
    process::Broker,
    proxy::Proxy,
    traffic::{client, quick},
    waiting::{PATIENCE, within},
};
use broker_client::{ErrorKind, Event, PublishOptions, Start, SubscribeOptions, Subscription};
use futures_util::StreamExt;
use std::net::SocketAddr;
use tempfile::TempDir;

async fn subscribe(address: SocketAddr, start: Start) -> Subscription {
    let options = SubscribeOptions::new().backoff(quick());
    let client = client(address);
    let subscribing = client.subscribe_with("s", start, options);
    within(PATIENCE, "a subscription", subscribing).await.expect("the broker is there")
}

async fn next(subscription: &mut Subscription) -> (u64, String) {
    let message = within(PATIENCE, "a message", subscription.next()).await;
    let message = message.expect("no end").expect("no error");
    (message.id, String::from_utf8(message.body.to_vec()).expect("a text"))
}

/// Publishes what is kept: its id.
async fn keep(broker: &Broker, body: &'static str) -> u64 {
    let client = calls::connect(broker.address).await;
    calls::publish(&client, calls::kept("s", body)).await.expect("stored")
}

async fn until_interrupted(subscription: &mut Subscription) {
    let event = within(PATIENCE, "an interruption", subscription.next_event()).await;
    assert!(matches!(event, Some(Ok(Event::Interrupted { attempt: 1, .. }))), "{event:?}");
}

/// What was kept before, how a subscription began, and what it is shown after the broker was killed
/// before anything came.
async fn across_a_kill(before: &[&'static str], start: Start, shown: &[&'static str]) {
    let folder = TempDir::new().expect("a folder");
    let mut broker = Broker::start(&Launch::local(folder.path())).await;
    for body in before {
        keep(&broker, body).await;
    }
    let proxy = Proxy::before(broker.address).await;
    let mut subscription = subscribe(proxy.address, start).await;
    // Delivered only: it comes, and is no place to go on from.
    let fleeting = client(broker.address);
    fleeting.publish("s", "fleeting", PublishOptions::default()).await.expect("delivered");
    while next(&mut subscription).await != (0, "fleeting".to_owned()) {}
    broker.kill();
    until_interrupted(&mut subscription).await;
    broker = Broker::start(&Launch::local(folder.path())).await;
    // Before the subscription is back.
    keep(&broker, "meanwhile").await;
    proxy.lead_to(broker.address);
    for body in shown {
        assert_eq!(next(&mut subscription).await.1, *body);
    }
    assert_eq!(subscription.resumed(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_goes_on_without_a_gap_and_shows_nothing_older() {
    across_a_kill(&["old", "older"], Start::New, &["meanwhile"]).await;
    across_a_kill(&[], Start::New, &["meanwhile"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_kept_goes_on_where_it_was() {
    across_a_kill(&[], Start::Retained, &["meanwhile"]).await;
    across_a_kill(&["old", "older"], Start::Retained, &["meanwhile"]).await;
    across_a_kill(&["old", "older"], Start::After(2), &["meanwhile"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_store_that_was_restarted_is_another_one() {
    let mut broker = Broker::start(&Launch::memory()).await;
    let proxy = Proxy::before(broker.address).await;
    let mut subscription = subscribe(proxy.address, Start::Retained).await;
    keep(&broker, "one").await;
    keep(&broker, "two").await;
    assert_eq!([next(&mut subscription).await.0, next(&mut subscription).await.0], [1, 2]);
    broker.kill();
    until_interrupted(&mut subscription).await;
    broker = Broker::start(&Launch::memory()).await;
    keep(&broker, "another one").await;
    proxy.lead_to(broker.address);
    let error = within(PATIENCE, "the end", subscription.next()).await.expect("no silent end");
    assert_eq!(error.expect_err("ids began anew").kind(), ErrorKind::ResumeAhead);
    assert!(subscription.next().await.is_none());
}
