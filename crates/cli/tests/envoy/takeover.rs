//! Two brokers over one PostgreSQL behind Envoy: the owner goes, and calls go on.

use crate::{
    admin,
    audit::Auditor,
    body::Key,
    calls::{self, Client},
    database::Kind,
    entry::{Entry, Lifetime, Outcome},
    process::Broker,
    waiting::{PATIENCE, until, within},
};
use broker_test_servers::{Envoy, Postgres};
use rustix::process::Signal;
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{sync::watch, task::JoinSet, time::interval};

const PUBLISHERS: u32 = 4;

/// How long a publisher rests after each message, or all together would use up the rate of Envoy.
const REST: Duration = Duration::from_millis(8);

/// An owner and a broker that stands by, behind Envoy.
struct Stage {
    owner: Broker,
    standby: Broker,
    _postgres: Postgres,
}

impl Stage {
    async fn start() -> Self {
        let postgres = Postgres::start().await;
        let launch = Kind::Postgres.launch(postgres.address());
        let owner = Broker::start(&launch).await;
        let standby = Broker::start_listening(&launch).await;
        until(PATIENCE, "the second broker stands by", async || {
            let (code, text) = admin::page(standby.admin, "/healthz").await;
            (code == 200 && text.contains("standing by")).then_some(())
        })
        .await;
        Self { owner, standby, _postgres: postgres }
    }
}

/// Publishers through Envoy, who tell what they heard.
struct Load {
    acked: watch::Sender<u64>,
    stopped: watch::Sender<bool>,
    publishers: JoinSet<Vec<Entry>>,
}

impl Load {
    async fn start(envoy: &Envoy) -> Self {
        let (acked, stopped) = (watch::Sender::new(0), watch::Sender::new(false));
        let mut publishers = JoinSet::new();
        for publisher in 1..=PUBLISHERS {
            let client = calls::connect(envoy.address()).await;
            publishers.spawn(publish(client, publisher, acked.clone(), stopped.subscribe()));
        }
        Self { acked, stopped, publishers }
    }

    /// Waits until so many more messages were acknowledged.
    async fn acked_more(&self, count: u64) {
        let wanted = *self.acked.borrow() + count;
        let mut acked = self.acked.subscribe();
        let more =
            within(4 * PATIENCE, "messages are acknowledged", acked.wait_for(|it| *it >= wanted));
        more.await.expect("the sender is here");
    }

    async fn stop(mut self) -> Vec<Entry> {
        self.stopped.send_replace(true);
        let mut entries = Vec::new();
        while let Some(more) = self.publishers.join_next().await {
            entries.extend(more.expect("a publisher does not panic"));
        }
        entries
    }
}

/// Publishes message after message, each once, whatever is said to it.
async fn publish(
    client: Client,
    publisher: u32,
    acked: watch::Sender<u64>,
    stopped: watch::Receiver<bool>,
) -> Vec<Entry> {
    let subject = Arc::from(format!("orders.{publisher}"));
    let (mut entries, mut ticks) = (Vec::new(), interval(REST));
    for number in 1.. {
        ticks.tick().await;
        if *stopped.borrow() {
            break;
        }
        let mut entry = Entry::new(Key { publisher, number }, &subject, Lifetime::Kept);
        entry.outcome = match calls::publish(&client, entry.request(100)).await {
            Ok(id) => {
                acked.send_modify(|acked| *acked += 1);
                Outcome::Acked { id, at: SystemTime::now() }
            }
            // The rule of docs/clients.md: what says when to send again is surely not stored.
            Err(told) if calls::retry_after(&told).is_some() => Outcome::Refused,
            Err(_) => Outcome::Unknown,
        };
        entries.push(entry);
    }
    entries
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_on_when_the_owner_is_killed() {
    // Only what was under way can be of unknown outcome: each publisher waits for an answer before it
    // sends more. Another call may be sent on a connection of which Envoy has not heard that it broke.
    let most = 2 * PUBLISHERS as usize;
    let unknown = replaced(Broker::kill).await;
    assert!(unknown <= most, "{unknown} of unknown outcome");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_on_when_the_owner_leaves() {
    // It answers what it took, and the rest is told that it is closing.
    assert_eq!(replaced(|owner| owner.signal(Signal::TERM)).await, 0);
}

/// Has the owner go under load. Nothing acknowledged may be lost, and nothing stored twice; how many
/// messages are of unknown outcome.
async fn replaced(end: impl FnOnce(&mut Broker)) -> usize {
    let mut stage = Stage::start().await;
    let envoy = Envoy::before(&[stage.owner.address, stage.standby.address]).start().await;
    let load = Load::start(&envoy).await;
    load.acked_more(200).await;
    end(&mut stage.owner);
    stage.owner.ended(PATIENCE).await;
    load.acked_more(200).await;
    let entries = load.stop().await;
    let count = |is: fn(&Outcome) -> bool| entries.iter().filter(|it| is(&it.outcome)).count();
    let unknown = count(|it| matches!(it, Outcome::Unknown));
    println!("{unknown} unknown, {} refused", count(|it| matches!(it, Outcome::Refused)));
    let mut auditor = Auditor::default();
    auditor.add(entries);
    let verdict = auditor.audit(&calls::connect(envoy.address()).await).await;
    println!("{verdict}");
    assert!(verdict.is_good(), "{verdict}");
    unknown
}

/// A standby is not asked as long as Envoy knows who owns the store. Here it is made to ask everybody.
#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_is_asked_costs_a_second_attempt_and_nothing_else() {
    let stage = Stage::start().await;
    let setup = Envoy::before(&[stage.owner.address, stage.standby.address]);
    let everybody = "healthy_panic_threshold: {value: 100}";
    let envoy = setup.with("healthy_panic_threshold: {value: 0}", everybody).start().await;
    let client = calls::connect(envoy.address()).await;
    for _ in 0..40 {
        calls::publish(&client, calls::kept("a", "x")).await.expect("the owner stores it");
    }
    assert_eq!(calls::replay(&client, "a", 1).await.len(), 40);
    let retries = envoy.statistic("cluster.brokers.upstream_rq_retry").await.expect("it counts");
    assert!(retries >= 10, "the standby was asked: {retries}");
}

/// As shipped the standby hears of no call; while nobody owns the store, Envoy says that nothing is stored.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_is_asked() {
    let mut stage = Stage::start().await;
    let envoy = Envoy::before(&[stage.owner.address, stage.standby.address]).start().await;
    let client = calls::connect(envoy.address()).await;
    for _ in 0..40 {
        calls::publish(&client, calls::kept("a", "x")).await.expect("the owner stores it");
    }
    assert_eq!(envoy.statistic("cluster.brokers.upstream_rq_retry").await, Some(0));
    stage.owner.kill();
    // Envoy may hear of it together with the next call.
    let _ = calls::publish(&client, calls::kept("a", "y")).await;
    let (mut refusals, mut ticks) = (0, interval(REST));
    let went_on = within(4 * PATIENCE, "the other one takes over", async {
        loop {
            ticks.tick().await;
            match calls::publish(&client, calls::kept("a", "z")).await {
                Ok(_) => break,
                Err(told) => {
                    assert_eq!(calls::reason(&told), "BROKER_CLOSING", "{told:?}");
                    assert!(calls::retry_after(&told).is_some(), "{told:?}");
                    refusals += 1;
                }
            }
        }
    });
    went_on.await;
    assert!(refusals > 0, "the lease was not waited for");
    let (owner, standby) = (stage.owner.address.to_string(), stage.standby.address.to_string());
    // Those that reached nobody name the broker that they were to reach, or none.
    let served = envoy.access_log().into_iter().filter(|line| line["grpc_status"] == "OK");
    let mut asked: Vec<_> = served.map(|line| line["broker"].clone()).collect();
    asked.dedup();
    assert!(asked == [&*owner] || asked == [&*owner, &*standby], "one, then the other: {asked:?}");
}
