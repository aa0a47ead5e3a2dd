//! What is dropped ends at the broker too, and leaves nothing behind.

use crate::{
    launch::Launch,
    process::Broker as Process,
    traffic::client,
    waiting::{PATIENCE, until, within},
};
use broker_client::{Client, ClientOptions, Error, ErrorKind, PublishOptions, Start};
use broker_core::{Broker, Limits, NoObserver, SystemTime};
use broker_server::{Server, ServerConfig, ServerLimits};
use broker_storage::{MemoryConfig, MemoryStorage};
use futures_util::{FutureExt, StreamExt, future::join_all};
use std::{convert::Infallible, net::SocketAddr, num::NonZeroUsize, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// A broker in this process, so that it can be asked what it holds. Dropping it ends it.
struct Inside {
    broker: Broker,
    address: SocketAddr,
    running: JoinHandle<()>,
}

impl Inside {
    async fn start(limits: ServerLimits) -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = ServerConfig {
            listen: free,
            admin_listen: free,
            web_origins: Vec::new(),
            grace: Duration::from_secs(1),
            limits,
        };
        let server = Server::bind(config).await.expect("a port");
        let address = server.grpc_address().expect("it is bound");
        let store = Arc::new(MemoryStorage::new(MemoryConfig::default()));
        let time = Arc::new(SystemTime);
        let broker = Broker::open(store, time, Arc::new(NoObserver), Limits::default(), 1).await;
        let broker = broker.expect("an empty store");
        let opening = std::future::ready(Ok(broker.clone().into()));
        let serving = server.run::<Infallible>(opening, std::future::pending());
        let running = tokio::spawn(serving.map(|end| end.expect("it is not told to leave")));
        Self { broker, address, running }
    }

    async fn subscribers(&self, wanted: usize) {
        let what = format!("{wanted} subscriptions at the broker");
        until(PATIENCE, &what, async || (self.broker.subscribers() == wanted).then_some(())).await;
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.running.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_subscriptions_end_at_the_broker_and_so_does_the_search_for_their_place() {
    let inside = Inside::start(ServerLimits::default()).await;
    let client = client(inside.address);
    for _ in 0..100 {
        client.publish("s", "body", PublishOptions::keep()).await.expect("stored");
    }
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for start in [Start::Retained, Start::New, Start::After(50)] {
        let all = join_all((0..50).map(|_| client.subscribe("s", start))).await;
        assert!(all.iter().all(Result::is_ok));
        inside.subscribers(50).await;
        drop(all);
        inside.subscribers(0).await;
        // Dropped half-way.
        for _ in 0..50 {
            drop(client.subscribe("s", start).now_or_never());
        }
        inside.subscribers(0).await;
    }
    until(PATIENCE, "their tasks end", async || (tasks() <= before + 1).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resuming_subscription_that_is_dropped_comes_back_no_more() {
    let inside = Inside::start(ServerLimits::default()).await;
    let client = client(inside.address);
    let mut subscription = client.subscribe("s", Start::Retained).await.expect("it is there");
    inside.broker.close().await;
    let event = within(PATIENCE, "its end", subscription.next_event()).await;
    assert!(event.expect("an event").is_ok());
    assert!(!subscription.is_standing());
    drop(subscription);
    inside.subscribers(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_publishers_give_their_streams_back() {
    let limits = ServerLimits { publish_streams: 1, ..ServerLimits::default() };
    let inside = Inside::start(limits).await;
    let client = client(inside.address);
    let published = async |client: &Client| {
        let publisher = client.publisher();
        publisher.publish("s", "body", PublishOptions::keep()).await
    };
    let held = client.publisher();
    held.publish("s", "body", PublishOptions::keep()).await.expect("the only stream is free");
    let refused = published(&client).await.expect_err("the only stream is taken");
    assert_eq!(refused.kind(), ErrorKind::Overloaded);
    drop(held);
    for _ in 0..20 {
        until(PATIENCE, "the stream is free", async || published(&client).await.ok()).await;
    }
    // One that is broken off.
    let (mut messages, mut answers) = client.publish_stream();
    let first =
        async { tokio::join!(messages.send("s", "b", PublishOptions::keep()), answers.next()) };
    until(PATIENCE, "the stream is free again", async || published(&client).await.ok()).await;
    drop(first.now_or_never());
    drop((messages, answers));
    until(PATIENCE, "the stream is free at last", async || published(&client).await.ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_streams_are_spread_over_the_connections() {
    let limits = ServerLimits { streams_per_connection: 8, ..ServerLimits::default() };
    let inside = Inside::start(limits).await;
    let address = inside.address.to_string();
    let options = ClientOptions::new().deadline(Duration::from_secs(5));
    let four = options.clone().connections(NonZeroUsize::new(4).expect("not 0"));
    let client = four.connect(&address).await.expect("it listens");
    let many = join_all((0..32).map(|_| client.subscribe("s", Start::Retained))).await;
    assert!(many.iter().all(Result::is_ok), "32 subscriptions fit on 4 connections of 8 each");
    inside.subscribers(32).await;
    drop((many, client));
    inside.subscribers(0).await;
    let client = options.deadline(Duration::from_millis(300)).connect(&address).await;
    let client = client.expect("it listens");
    let many = join_all((0..9).map(|_| client.subscribe("s", Start::Retained))).await;
    assert_eq!(many.iter().filter(|one| one.is_ok()).count(), 8, "on one connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_too_many_is_told_that_nothing_was_stored() {
    let inside = Inside::start(ServerLimits { connections: 1, ..ServerLimits::default() }).await;
    let held = client(inside.address);
    held.publish("s", "body", PublishOptions::keep()).await.expect("the only connection");
    let refused = client(inside.address).with_deadline(Duration::from_secs(1));
    let error = refused.publish("s", "body", PublishOptions::keep()).await.expect_err("full");
    println!("{error:?}");
    assert!(error.is_retryable(), "{error:?}");
    let error = refused.publisher().publish("s", "body", PublishOptions::keep()).await;
    assert!(error.as_ref().is_err_and(Error::is_retryable), "{error:?}");
    assert_eq!(held.publish("s", "body", PublishOptions::keep()).await.expect("stored").id, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_brokers_memory_does_not_grow_with_what_is_dropped() {
    const ROUND: usize = 1_000;
    let folder = TempDir::new().expect("a folder");
    let broker = Process::start(&Launch::local(folder.path())).await;
    let client = client(broker.address);
    client.publish("s", "body", PublishOptions::keep()).await.expect("stored");
    let round = async || {
        for number in 0..ROUND {
            if number % 2 == 0 {
                drop(client.subscribe("s", Start::Retained).await.expect("it stands"));
            } else {
                let receipt = client.publisher().send("s", "body", PublishOptions::default()).await;
                receipt.await.expect("delivered");
            }
        }
    };
    within(PATIENCE, "the first round", round()).await;
    let before = broker.anonymous_memory();
    for _ in 0..3 {
        within(PATIENCE, "a round", round()).await;
    }
    let after = broker.anonymous_memory();
    println!("{} KiB before {} KiB after", before / 1024, after / 1024);
    assert!(after < before + 4 * 1024 * 1024, "it grew from {before} to {after} bytes");
}
