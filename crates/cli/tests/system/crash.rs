//! kill -9 under load, again and again: what was acknowledged is there, once, in order, in time.

use crate::{
    audit::{Auditor, Seen},
    calls::{self, Client},
    chance::{self, Chance},
    entry::Entry,
    launch::Launch,
    load::Load,
    process::Broker,
    waiting::{PATIENCE, within},
};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_stream::StreamExt;

const CYCLES: u64 = 20;
const UNARY_CONNECTIONS: u32 = 2;
const UNARY_PER_CONNECTION: u32 = 6;
const STREAMS: u32 = 2;

/// Subjects of every test with a load.
pub fn subjects() -> Vec<Arc<str>> {
    let plain = (0..6).map(|number| format!("orders.{number}").into());
    plain.chain(["ünïcode ✓".into(), "'; drop table messages; --".into()]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_lose_nothing() {
    let seed = chance::seed();
    println!("BROKER_SEED={seed} gives this run again");
    let mut chance = Chance::new(seed);
    let folder = TempDir::new().expect("a folder");
    let launch = Launch::local(folder.path());
    let mut auditor = Auditor::default();
    let mut broker = Broker::start(&launch).await;
    for cycle in 1..=CYCLES {
        let mut run = Run::start(&broker, cycle as u32, &mut chance).await;
        let acked = chance.between(20, 12_000);
        within(PATIENCE, "acknowledgements", run.load.acked(acked)).await;
        broker.kill();
        run.end(&mut auditor).await;
        broker = Broker::start(&launch).await;
        let client = calls::connect(broker.address).await;
        let verdict = auditor.audit(&client).await;
        println!("cycle {cycle}, killed after {acked}: {verdict}");
        assert!(verdict.is_good(), "seed {seed}, cycle {cycle}: {verdict}");
    }
}

/// Publishers and subscribers at work.
pub struct Run {
    pub load: Load,
    publishers: JoinSet<Vec<Entry>>,
    subscribers: JoinSet<Vec<Seen>>,
}

impl Run {
    /// Starts them. Publishers of different runs have different numbers.
    pub async fn start(broker: &Broker, run: u32, chance: &mut Chance) -> Self {
        let subjects = subjects();
        let load = Load::new(&subjects);
        let (mut publishers, mut subscribers) = (JoinSet::new(), JoinSet::new());
        let listener = calls::connect(broker.address).await;
        for subject in subjects {
            let stream = calls::subscribe(&listener, &subject, 0).await.expect("a subscription");
            subscribers.spawn(listen(subject, stream));
        }
        let mut publisher = run * 1_000;
        for _ in 0..UNARY_CONNECTIONS {
            let client: Client = calls::connect(broker.address).await;
            for _ in 0..UNARY_PER_CONNECTION {
                publisher += 1;
                publishers.spawn(load.clone().unary(client.clone(), publisher, chance.fork()));
            }
        }
        for _ in 0..STREAMS {
            publisher += 1;
            let client = calls::connect(broker.address).await;
            publishers.spawn(load.clone().stream(client, publisher, chance.fork()));
        }
        Self { load, publishers, subscribers }
    }

    /// Waits until all have heard that the broker is gone, and hands over what they know.
    pub async fn end(&mut self, auditor: &mut Auditor) {
        within(PATIENCE, "publishers and subscribers hear of the end", async {
            while let Some(entries) = self.publishers.join_next().await {
                auditor.add(entries.expect("a publisher does not panic"));
            }
            while let Some(seen) = self.subscribers.join_next().await {
                auditor.add_seen(seen.expect("a subscriber does not panic"));
            }
        })
        .await;
    }
}

async fn listen(
    subject: Arc<str>,
    mut stream: tonic::Streaming<broker_proto::MessageResponse>,
) -> Vec<Seen> {
    let mut seen = Vec::new();
    while let Some(Ok(message)) = stream.next().await {
        seen.push(Seen { subject: subject.clone(), message });
    }
    seen
}
