//! Brokers over every store under load, a Prometheus that scrapes them and the machine.

use crate::{
    calls,
    database::Kind,
    launch::Launch,
    process::Broker,
    shipped::Targets,
    traffic,
    waiting::{PATIENCE, until, within},
};
use broker_proto::{PublishBatch, PublishRequest};
use broker_test_servers::{NodeExporter, Prometheus};
use prost_types::Duration as WireDuration;
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;
use tokio::{task::JoinSet, time::interval};
use tokio_stream::StreamExt;

/// How often the known load is run on each broker.
const PACE: Duration = Duration::from_millis(500);

/// For how long Prometheus watches before somebody looks, in seconds.
const WATCHED: f64 = 25.0;

/// All of it. It ends with this.
pub struct Stage {
    /// What everybody asks.
    pub prometheus: Prometheus,
    /// When it began to look, in seconds since 1970.
    pub start: f64,
    // The load, before what it is on.
    load: JoinSet<()>,
    _brokers: Vec<Arc<Broker>>,
    _node: NodeExporter,
    _folder: TempDir,
}

impl Stage {
    /// Starts it and waits until there is something to see.
    pub async fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let launches = [
            ("local", Launch::local(folder.path()).with("--segment-size", "64KiB")),
            ("memory", Launch::memory()),
            (
                "narrow",
                Launch::memory().with("--max-tail-size", "4MiB").with("--max-subscriptions", "2"),
            ),
            ("postgres", Kind::Postgres.launch(Kind::Postgres.shared())),
            ("cassandra", Kind::Cassandra.launch(Kind::Cassandra.shared())),
        ];
        let (mut brokers, mut targets, mut load) = (Vec::new(), Targets::default(), JoinSet::new());
        for (cluster, launch) in launches {
            let broker = Arc::new(Broker::start(&launch).await);
            targets = targets.broker(cluster, broker.admin);
            match cluster {
                "narrow" => load.spawn(read_slowly(broker.clone())),
                _ => load.spawn(keep_busy(broker.clone())),
            };
            if cluster == "local" {
                load.spawn(come_and_go(broker.clone()));
            }
            brokers.push(broker);
        }
        let node = NodeExporter::start().await;
        targets.node = Some(node.address());
        let start = now();
        let prometheus = targets.watch().await;
        let watched = format!("min(count_over_time(broker_ready[1m])) >= {WATCHED}");
        until(PATIENCE * 4, "Prometheus has watched for a while", async || {
            prometheus.value(&watched).await
        })
        .await;
        Self { prometheus, start, load, _brokers: brokers, _node: node, _folder: folder }
    }

    /// Ends the load, which must have gone on until now.
    pub fn end(mut self) {
        if let Some(ended) = self.load.try_join_next() {
            panic!("a part of the load ended: {ended:?}");
        }
    }
}

/// Seconds since 1970.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs_f64()
}

/// Runs the known load again and again.
async fn keep_busy(broker: Arc<Broker>) {
    let mut ticks = interval(PACE);
    loop {
        ticks.tick().await;
        traffic::run(&broker).await;
    }
}

/// Messages that are worth keeping for a moment, so that space is given back and files are swept.
async fn come_and_go(broker: Arc<Broker>) {
    let mut client = calls::connect(broker.address).await;
    let second = Some(WireDuration { seconds: 1, nanos: 0 });
    let brief = || PublishRequest {
        keep: false,
        expiration: second,
        ..calls::kept("brief", vec![b'b'; 500])
    };
    let mut ticks = interval(PACE);
    loop {
        ticks.tick().await;
        let batch = PublishBatch { messages: (0..200).map(|_| brief()).collect() };
        let acks = client.publish_stream(tokio_stream::iter([batch])).await.expect("a stream");
        let acks = within(PATIENCE, "acks", acks.into_inner().collect::<Vec<_>>()).await;
        assert!(acks.iter().all(Result::is_ok), "{acks:?}");
    }
}

/// A subscriber that reads too slowly, and others beyond the limit, again and again.
async fn read_slowly(broker: Arc<Broker>) {
    let client = calls::connect(broker.address).await;
    let deliver = async |body: Vec<u8>| {
        let request = PublishRequest { keep: false, ..calls::kept("slow", body) };
        calls::publish(&client, request).await.expect("delivered");
    };
    let mut slow = calls::subscribe(&client, "slow", 0).await.expect("a subscription");
    let mut ticks = interval(PACE);
    loop {
        ticks.tick().await;
        for _ in 0..24 {
            deliver(vec![0; 512 * 1024]).await;
        }
        // It is told, and so counted, with the first message after the loss.
        let mut missed = 0;
        while missed == 0 {
            deliver(Vec::new()).await;
            missed = calls::next(&mut slow).await.expect("a message").missed;
        }
        let _second = calls::subscribe(&client, "slow", 0).await.expect("there is room for two");
        let refused = calls::subscribe(&client, "slow", 0).await.expect_err("for no third one");
        assert_eq!(calls::reason(&refused), "OVERLOADED");
    }
}
