//! Envoy leaves without cutting calls.

use crate::{
    broker, calls,
    waiting::{PATIENCE, until, within},
};
use broker_client::{Client, ErrorKind, PublishOptions};
use broker_test_servers::Envoy;
use std::{net::SocketAddr, time::Duration};
use tokio::{net::TcpStream, task::JoinSet, time::interval};

const PUBLISHERS: usize = 4;

/// So that all together stay below the rate that Envoy lets through.
const REST: Duration = Duration::from_millis(10);

/// Publishes until nobody lets it in any more; how many messages were acknowledged.
async fn publish(envoy: SocketAddr) -> usize {
    let client = Client::connect(&format!("http://{envoy}")).await.expect("it is let in");
    let (mut acked, mut ticks) = (0, interval(REST));
    loop {
        ticks.tick().await;
        let sent = client.publish("a", "x", PublishOptions::keep());
        match within(PATIENCE, "an answer", sent).await {
            Ok(_) => acked += 1,
            // It came as its connection was closed to new calls, is told so, and was not passed on.
            Err(error) if error.is_retryable() && error.kind() != ErrorKind::Unreachable => {}
            // Or it had connected just as the port closed, and nobody has read what it said.
            Err(_) => return acked,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_stand_go_on_and_new_connections_go_elsewhere() {
    let broker = broker().await;
    let mut setup = Envoy::before(&[broker.address]);
    for argument in ["--drain-time-s", "5", "--drain-strategy", "immediate"] {
        setup = setup.argument(argument);
    }
    let envoy = setup.start().await;
    let client = calls::connect(envoy.address()).await;
    let mut live = calls::subscribe(&client, "b", 0).await.expect("a subscription");
    let mut publishers = JoinSet::new();
    (0..PUBLISHERS).for_each(|_| drop(publishers.spawn(publish(envoy.address()))));

    envoy.order("/healthcheck/fail").await;
    assert_eq!(envoy.page("/ready").await, "DRAINING\n");
    envoy.order("/drain_listeners?graceful").await;
    // Who still comes is served, and told to go.
    let late = calls::connect(envoy.address()).await;
    calls::publish(&late, calls::kept("a", "x")).await.expect("stored");
    until(PATIENCE, "nobody is let in any more", async || {
        TcpStream::connect(envoy.address()).await.is_err().then_some(())
    })
    .await;
    let acked = within(PATIENCE, "publishers end", publishers.join_all()).await;
    assert!(acked.iter().all(|acked| *acked > 100), "they were served to the end: {acked:?}");
    // No call was cut: what was not acknowledged was not passed on.
    let near = calls::connect(broker.address).await;
    let stored = calls::replay(&near, "a", 1).await.len();
    assert_eq!(stored, acked.iter().sum::<usize>() + 1);
    // Streams have all the time that Envoy is left.
    calls::publish(&near, calls::kept("b", "y")).await.expect("stored");
    assert_eq!(calls::next(&mut live).await.expect("it is delivered").body, "y");
}
