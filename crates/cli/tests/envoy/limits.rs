//! Calls beyond what is let through.

use crate::{
    broker, calls,
    fake::{Answer, Fake},
    waiting::{PATIENCE, until, within},
};
use broker_test_servers::Envoy;
use futures_util::future::join_all;
use std::time::Duration;
use tokio::{io::AsyncReadExt, net::TcpStream};
use tonic::{Code, Status};

const BUCKET: &str = "{max_tokens: 1000, tokens_per_fill: 800, fill_interval: 1s}";

/// Publishes so many messages at once; what was told of each.
async fn burst(client: &calls::Client, count: usize) -> Vec<Result<u64, Status>> {
    join_all((0..count).map(|_| calls::publish(client, calls::kept("a", "x")))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_beyond_the_rate_are_refused_in_the_brokers_words() {
    let broker = broker().await;
    // Never filled again while the test runs.
    let lowered = "{max_tokens: 200, tokens_per_fill: 1, fill_interval: 3600s}";
    let envoy = Envoy::before(&[broker.address]).with(BUCKET, lowered).start().await;
    let client = calls::connect(envoy.address()).await;
    let (passed, refused): (Vec<_>, Vec<_>) =
        burst(&client, 500).await.into_iter().partition(Result::is_ok);
    assert_eq!((passed.len(), refused.len()), (200, 300));
    for told in refused {
        let told = told.expect_err("they are parted");
        assert_eq!((told.code(), &*calls::reason(&told)), (Code::ResourceExhausted, "OVERLOADED"));
        assert_eq!(calls::retry_after(&told), Some(Duration::from_secs(1)));
        let header = told.metadata().get("x-local-rate-limit");
        assert_eq!(header.map(|value| value.as_bytes()), Some(&b"true"[..]), "{told:?}");
    }
    // The broker has heard of no other.
    let near = calls::connect(broker.address).await;
    assert_eq!(calls::replay(&near, "a", 1).await.len(), 200);
    let page = envoy.page("/stats/prometheus").await;
    let labels = "{envoy_local_http_ratelimit_prefix=\"broker\"}";
    let counted = format!("envoy_http_local_rate_limit_rate_limited{labels} 300\n");
    assert!(page.contains(&counted), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_rate_lets_a_thousand_pass_at_once() {
    let broker = broker().await;
    let envoy = Envoy::before(&[broker.address]).start().await;
    let client = calls::connect(envoy.address()).await;
    assert!(burst(&client, 1_000).await.iter().all(Result::is_ok));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_let_through_again() {
    let broker = broker().await;
    let lowered = "{max_tokens: 5, tokens_per_fill: 5, fill_interval: 1s}";
    let envoy = Envoy::before(&[broker.address]).with(BUCKET, lowered).start().await;
    let client = calls::connect(envoy.address()).await;
    assert!(burst(&client, 200).await.iter().any(Result::is_err));
    until(PATIENCE, "the bucket is filled again", async || {
        calls::publish(&client, calls::kept("a", "x")).await.ok()
    })
    .await;
}

/// Beyond what the broker is asked at once, Envoy refuses what never left it.
#[tokio::test(flavor = "multi_thread")]
async fn calls_beyond_those_at_once_are_refused_in_the_brokers_words() {
    let fake = Fake::start(Answer::None).await;
    let setup = Envoy::before(&[fake.address]).with("max_requests: 12288", "max_requests: 3");
    let envoy = setup.start().await;
    let client = calls::connect(envoy.address()).await;
    let waiting = join_all((0..3).map(|_| calls::publish(&client, calls::kept("a", "x"))));
    let refused = async {
        fake.called(3).await;
        calls::publish(&client, calls::kept("a", "x")).await
    };
    tokio::select! {
        _ = waiting => unreachable!("nobody answers"),
        told = within(PATIENCE, "an answer", refused) => {
            let told = told.expect_err("three wait already");
            assert_eq!(told.code(), Code::Unavailable, "{told:?}");
            assert_eq!(calls::reason(&told), "OVERLOADED");
            assert_eq!(calls::retry_after(&told), Some(Duration::from_secs(1)));
        }
    }
    assert_eq!(fake.calls(), 3);
}

/// The same where Envoy itself has no memory left.
#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_without_memory_refuses_in_the_brokers_words() {
    let fake = Fake::start(Answer::Ok).await;
    let setup = Envoy::before(&[fake.address]);
    let envoy =
        setup.with("max_heap_size_bytes: 536870912", "max_heap_size_bytes: 1000").start().await;
    let client = calls::connect(envoy.address()).await;
    let told = until(PATIENCE, "a refusal", async || {
        calls::publish(&client, calls::kept("a", "x")).await.err()
    })
    .await;
    assert_eq!(
        (told.code(), &*calls::reason(&told)),
        (Code::Unavailable, "OVERLOADED"),
        "{told:?}"
    );
}

/// Who comes when all connections are taken is sent away; probes and Prometheus are not.
#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_are_closed() {
    let broker = broker().await;
    let setup = Envoy::before(&[broker.address]);
    let limit = "max_active_downstream_connections: 4096";
    let setup = setup.with(limit, "max_active_downstream_connections: 2");
    let envoy = setup.start().await;
    let clients = [calls::connect(envoy.address()).await, calls::connect(envoy.address()).await];
    for client in &clients {
        calls::publish(client, calls::kept("a", "x")).await.expect("stored");
    }
    let mut third = TcpStream::connect(envoy.address()).await.expect("the system lets it in");
    let end = within(PATIENCE, "it is closed", third.read(&mut [0; 1])).await;
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    assert_eq!(envoy.page("/ready").await, "LIVE\n");
    calls::publish(&clients[0], calls::kept("a", "x")).await.expect("stored");
}
