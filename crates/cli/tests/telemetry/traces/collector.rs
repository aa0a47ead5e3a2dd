//! A collector that is away.

use super::scene::{Scene, fresh, parent};
use crate::{
    calls::{Client, connect, kept, publish},
    launch::Launch,
    process::Broker,
    waiting::{PATIENCE, until},
};
use rustix::process::Signal;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, task::JoinSet};

/// Publishers that go on until they are told to stop; every publish succeeds.
struct Load {
    goes_on: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
    publishers: JoinSet<()>,
}

impl Load {
    fn start(client: &Client) -> Self {
        let (goes_on, count) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
        let mut publishers = JoinSet::new();
        for publisher in 0..8 {
            let (client, goes_on, count) = (client.clone(), goes_on.clone(), count.clone());
            publishers.spawn(async move {
                while goes_on.load(Ordering::Relaxed) {
                    let request = kept(&format!("s{publisher}"), "body");
                    publish(&client, request).await.expect("it is published");
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        Self { goes_on, count, publishers }
    }

    /// Waits for more publishes.
    async fn more(&self, publishes: u64) {
        let goal = self.count.load(Ordering::Relaxed) + publishes;
        until(PATIENCE, "more publishes", async || {
            (self.count.load(Ordering::Relaxed) >= goal).then_some(())
        })
        .await;
    }

    async fn stop(mut self) {
        self.goes_on.store(false, Ordering::Relaxed);
        while let Some(ended) = self.publishers.join_next().await {
            ended.expect("every publish succeeded");
        }
    }
}

/// A number in the line that a broker ends its traces with.
fn closed(broker: &Broker, what: &str) -> u64 {
    let line = broker.log.find(|line| line.contains("tracer closed").then(|| line.clone()));
    let line: serde_json::Value = serde_json::from_str(&line.expect("it is said")).unwrap();
    line[what].as_u64().unwrap()
}

async fn leave(broker: &mut Broker, limit: Duration) {
    let begun = Instant::now();
    broker.signal(Signal::TERM);
    let status = broker.ended(limit).await;
    assert!(status.success(), "{status} after {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_goes_on_while_the_collector_is_away_and_spans_arrive_again() {
    let mut scene = Scene::start(Launch::memory(), "1").await;
    let load = Load::start(&scene.client);
    load.more(1_000).await;
    scene.jaeger.kill();
    // More spans than the queue takes.
    load.more(4_000).await;
    let lost = async || scene.broker.log.find(|line| line.contains("are lost").then_some(()));
    until(PATIENCE, "the log tells of it", lost).await;
    scene.jaeger.restart().await;
    load.more(100).await;
    load.stop().await;
    // The first of them may be lost: the queue may be full still.
    let before = scene.ids("broker.Broker/Publish").await.len();
    let again = async || {
        scene.publish(kept("again", "body"), Some(&parent(&fresh(), true))).await;
        (scene.ids("broker.Broker/Publish").await.len() > before).then_some(())
    };
    until(PATIENCE, "spans arrive again", again).await;
    leave(&mut scene.broker, PATIENCE).await;
    assert!(closed(&scene.broker, "exported") > 0);
    assert!(closed(&scene.broker, "dropped") > 0);
    assert!(closed(&scene.broker, "failed") > 0);
    // Said once in a while, however often it happens.
    let lines = scene.broker.log.lines();
    let told = lines.iter().filter(|line| line.contains("are lost")).count();
    assert!((1..=8).contains(&told), "{told}");
}

/// A broker whose spans go nowhere, with a grace time of five seconds.
async fn broker_before(endpoint: String) -> Broker {
    let launch = Launch::memory()
        .with("--otlp-endpoint", endpoint)
        .with("--trace-sampling", "1")
        .with("--grace", "5s");
    let broker = Broker::start(&launch).await;
    let client = connect(broker.address).await;
    for _ in 0..200 {
        publish(&client, kept("s", "body")).await.unwrap();
    }
    broker
}

const SLACK: Duration = Duration::from_secs(5);

#[tokio::test]
async fn an_end_is_in_time_when_nobody_listens_for_spans() {
    // Bound and not listening: nobody else gets the port.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let endpoint = format!("http://{}", socket.local_addr().unwrap());
    let mut broker = broker_before(endpoint).await;
    leave(&mut broker, Duration::from_secs(5) + SLACK).await;
    assert_eq!(closed(&broker, "exported"), 0);
}

#[tokio::test]
async fn an_end_is_in_time_when_the_collector_does_not_answer() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut broker = broker_before(format!("http://{}", silent.local_addr().unwrap())).await;
    leave(&mut broker, Duration::from_secs(5) + SLACK).await;
    assert_eq!(closed(&broker, "exported"), 0);
}
