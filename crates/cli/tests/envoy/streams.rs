//! Streams that last, deadlines that are kept, and messages of every size.

use crate::{
    admin, broker, calls,
    program::Program,
    waiting::{PATIENCE, until, within},
};
use broker_client::{Client, Start};
use broker_proto::{PublishAck, PublishBatch, PublishResult, SubscribeRequest, publish_result};
use broker_test_servers::{Direction, Envoy, Proxy};
use std::{
    env,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::{Code, Request, Streaming};

/// Longer than Envoy's own limit on a call (15 s), and than the intervals of all pings.
const LONG: Duration = Duration::from_secs(130);

async fn ack(acks: &mut Streaming<PublishAck>) -> usize {
    let ack = within(PATIENCE, "an answer", acks.next()).await.expect("it goes on");
    let results = ack.expect("an answer").results;
    let is_id = |it: &PublishResult| match it.result {
        Some(publish_result::Result::Id(id)) => id > 0,
        _ => false,
    };
    assert!(results.iter().all(is_id), "{results:?}");
    results.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_minutes_are_not_cut() {
    let broker = broker().await;
    let envoy = Envoy::before(&[broker.address]).start().await;
    let client = calls::connect(envoy.address()).await;
    let mut publisher = client.clone();
    let mut idle = calls::subscribe(&client, "a", 0).await.expect("a subscription");
    let (batches, receiver) = mpsc::channel(1);
    let batch = |body: &str| PublishBatch { messages: vec![calls::kept("b", body.to_owned())] };
    batches.send(batch("first")).await.expect("it is read");
    let stream = publisher.publish_stream(ReceiverStream::new(receiver));
    let mut acks = within(PATIENCE, "a stream", stream).await.expect("it is taken").into_inner();
    assert_eq!(ack(&mut acks).await, 1);
    let begun = Instant::now();
    until(2 * LONG, "time passes", async || (begun.elapsed() > LONG).then_some(())).await;

    batches.send(batch("last")).await.expect("it is read");
    assert_eq!(ack(&mut acks).await, 1);
    let near = calls::connect(broker.address).await;
    calls::publish(&near, calls::kept("a", "late")).await.expect("stored");
    assert_eq!(calls::next(&mut idle).await.expect("it is delivered").body, "late");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_is_the_brokers_to_keep() {
    let broker = broker().await;
    let envoy = Envoy::before(&[broker.address]).start().await;
    let mut client = calls::connect(envoy.address()).await;
    let mut request = Request::new(SubscribeRequest { subject: "a".into(), ..Default::default() });
    request.metadata_mut().insert("grpc-timeout", "500m".parse().expect("plain"));
    let answer = within(PATIENCE, "a subscription", client.subscribe(request)).await;
    let mut stream = answer.expect("it stands").into_inner();
    let told = calls::next(&mut stream).await.expect_err("its time is over");
    assert_eq!(told.code(), Code::DeadlineExceeded, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_message_and_batch_pass() {
    let broker = broker().await;
    let envoy = Envoy::before(&[broker.address]).start().await;
    let mut client = calls::connect(envoy.address()).await;
    let largest = vec![7; 4 * 1024 * 1024 - 1024 - 64];
    let id = calls::publish(&client, calls::kept("a", largest.clone())).await.expect("stored");
    assert!(calls::fetch(&client, "a", id).await.expect("kept").body == largest);
    let mut stream = calls::subscribe(&client, "a", 0).await.expect("a subscription");
    assert!(calls::next(&mut stream).await.expect("it is delivered").body == largest);

    let messages = (0..16_000).map(|_| calls::kept("b", vec![1; 1_000])).collect();
    let batch = PublishBatch { messages };
    let answer = client.publish_stream(tokio_stream::iter([batch]));
    let mut acks = within(PATIENCE, "a stream", answer).await.expect("it is taken").into_inner();
    let mut acked = 0;
    while acked < 16_000 {
        acked += ack(&mut acks).await;
    }
}

/// Envoy can't say why any more: the answer has begun. Clients resume all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_whose_broker_is_lost_is_resumed() {
    let broker = broker().await;
    let proxy = Proxy::before(broker.address).await;
    let envoy = Envoy::before(&[proxy.address()]).start().await;
    let near = calls::connect(broker.address).await;
    calls::publish(&near, calls::kept("a", "1")).await.expect("stored");
    let client = Client::connect(&format!("http://{}", envoy.address())).await.expect("it listens");
    let mut resumed = client.subscribe("a", Start::Retained).await.expect("a subscription");
    let far = calls::connect(envoy.address()).await;
    let mut plain = calls::subscribe(&far, "a", 0).await.expect("a subscription");
    let mut next = async || {
        let next = within(PATIENCE, "a message", resumed.next()).await;
        next.expect("it goes on").expect("a message").body
    };
    assert_eq!(next().await, "1");
    assert_eq!(calls::next(&mut plain).await.expect("a message").body, "1");
    proxy.cut();
    let told = calls::next(&mut plain).await.expect_err("the connection broke");
    assert_eq!((told.code(), &*calls::reason(&told)), (Code::Internal, ""), "{told:?}");
    calls::publish(&near, calls::kept("a", "2")).await.expect("stored");
    assert_eq!(next().await, "2");
}

/// A client behind a dead network is found by Envoy's pings; the broker hears of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_vanished_is_let_go() {
    let broker = broker().await;
    let pings = "connection_keepalive: {interval: 20s, timeout: 10s}";
    let hastened = "connection_keepalive: {interval: 1s, timeout: 5s}";
    let envoy = Envoy::before(&[broker.address]).with(pings, hastened).start().await;
    let proxy = Proxy::before(envoy.address()).await;
    let client = calls::connect(proxy.address()).await;
    let _stream = calls::subscribe(&client, "a", 0).await.expect("a subscription");
    let subscribers = async |count: u64| {
        until(2 * PATIENCE, "the broker counts subscribers", async || {
            let (_, page) = admin::page(broker.admin, "/metrics").await;
            page.contains(&format!("\nactive_subscribers {count}\n")).then_some(())
        })
        .await;
    };
    subscribers(1).await;
    proxy.swallow(Direction::Up);
    proxy.swallow(Direction::Down);
    subscribers(0).await;
}

/// The same of the example in Go, which lies beside the pool.
#[tokio::test(flavor = "multi_thread")]
async fn the_example_in_go_goes_on_when_its_broker_is_lost() {
    let broker = broker().await;
    let proxy = Proxy::before(broker.address).await;
    let envoy = Envoy::before(&[proxy.address()]).start().await;
    let near = calls::connect(broker.address).await;
    calls::publish(&near, calls::kept("a", "first")).await.expect("stored");
    let pool = env::var_os("BROKER_POOL").expect("`cargo xtask test --only edge` sets it");
    let mut example = Command::new(Path::new(&pool).with_file_name("subscribe"));
    example.arg("a").env("BROKER", envoy.address().to_string());
    let mut example = Program::start(&mut example);
    assert_eq!(example.says("1 ").await, "first");
    proxy.cut();
    calls::publish(&near, calls::kept("a", "second")).await.expect("stored");
    assert_eq!(example.says("2 ").await, "second");
    let went_on = example.log.find(|line| line.contains("going on after message 1").then_some(()));
    assert!(went_on.is_some(), "the connection broke");
}
