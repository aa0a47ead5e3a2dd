//! A broker over a store that fails says so, and every tool fails with its words.

use crate::{
    counted::{fetched, stored},
    host::Host,
    launch::Launch,
    log::Log,
    process::Broker,
    program::Program,
    tool::{k6, must_say, pool, says},
    waiting::{PATIENCE, until},
};
use broker_core::{Message, MessageId, Subject};
use broker_storage::{
    Operation,
    faulty::{Faults, Rates, ReadPlan, Seeded, WritePlan},
};
use std::{net::SocketAddr, sync::Arc};

const SCRIPTS: [&str; 4] = ["publish.js", "fetch.js", "subscribe.js", "mixed.js"];

/// Often enough to be met, and seldom enough that something is stored.
const OFTEN: u32 = 200;

/// Some messages are not stored.
pub fn unavailable() -> Seeded {
    Seeded::new(1, Rates { unavailable: OFTEN, ..Rates::default() })
}

/// There is no room for some messages.
fn full() -> Seeded {
    Seeded::new(2, Rates { full: OFTEN, ..Rates::default() })
}

/// Some reads fail.
fn unread() -> Seeded {
    Seeded::new(3, Rates { unread: OFTEN, ..Rates::default() })
}

/// Every seventh message can't be read as it was written.
struct Damage;

impl Faults for Damage {
    fn write(&self, _: Operation, _: &[Arc<Message>]) -> WritePlan {
        WritePlan::default()
    }

    fn read(&self, _: Operation) -> ReadPlan {
        ReadPlan::default()
    }

    fn is_damaged(&self, _: &Subject, id: MessageId) -> bool {
        id.0 % 7 == 3
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_stored_is_a_failure() {
    let host = Host::failing(unavailable()).await;
    for script in SCRIPTS {
        let log = k6(script, host.address, &[("DURATION", "3s")]).fails().await;
        must_say(&log, "Publish failed: UNAVAILABLE STORAGE_UNAVAILABLE");
        must_say(&log, "broker_failed_STORAGE_UNAVAILABLE.");
        must_say(&log, "✗ 'rate<=0'");
        assert!(!says(&log, "Not so"), "{script} sees more than there is");
    }
    let log = pool(host.address, &[]).fails().await;
    must_say(&log, "calls failed: Unavailable STORAGE_UNAVAILABLE");
    must_say(&log, "TOO MANY FAILURES");
    must_say(&log, "audit: no fault");
}

#[tokio::test(flavor = "multi_thread")]
async fn some_failures_may_be_allowed() {
    let host = Host::failing(unavailable()).await;
    let settings = [("ERRORS", "0.9"), ("DURATION", "6s")];
    for script in SCRIPTS {
        k6(script, host.address, &settings).succeeds().await;
    }
    pool(host.address, &["-allow", "0.9"]).succeeds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_a_failure_unless_it_is_expected() {
    let host = Host::failing(full()).await;
    let log = k6("mixed.js", host.address, &[("DURATION", "3s")]).fails().await;
    must_say(&log, "broker_failed_OVERLOADED.");
    for script in SCRIPTS {
        let settings = [("LIMITED", "1"), ("DURATION", "6s")];
        let log = k6(script, host.address, &settings).succeeds().await;
        must_say(&log, "broker_calls_limited.");
    }
    let log = pool(host.address, &[]).fails().await;
    must_say(&log, "calls failed: ResourceExhausted OVERLOADED");
    pool(host.address, &["-limited"]).succeeds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_read_is_a_failure() {
    let host = Host::failing(unread()).await;
    let log = k6("fetch.js", host.address, &[]).fails().await;
    must_say(&log, "Fetch failed: UNAVAILABLE STORAGE_UNAVAILABLE");
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_a_failure() {
    let host = Host::failing(Damage).await;
    let fails = async |script| {
        k6(script, host.address, &[("DURATION", "3s"), ("TIMEOUT", "5s")]).fails().await
    };
    must_say(&fails("fetch.js").await, "Fetch failed: DATA_LOSS MESSAGE_DAMAGED");
    let log = fails("subscribe.js").await;
    must_say(&log, "Subscribe failed: DATA_LOSS MESSAGE_DAMAGED");
    must_say(&log, "Not so: nothing acknowledged is missing");
    let log = pool(host.address, &[]).fails().await;
    must_say(&log, "a subscription failed");
    must_say(&log, "not fetched");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_gone_is_a_failure() {
    for script in SCRIPTS {
        let settings = [("MESSAGES", "20000"), ("DURATION", "6s"), ("TIMEOUT", "2s")];
        let log = killed(|broker| k6(script, broker, &settings)).await;
        must_say(&log, "broker_failed_UNAVAILABLE.");
        if script == "subscribe.js" {
            must_say(&log, "Not so: the script runs to its end");
        }
    }
    let flags = ["-messages", "20000", "-timeout", "2s"];
    let log = killed(|broker| pool(broker, &flags)).await;
    must_say(&log, "calls failed: Unavailable");
    must_say(&log, "AUDIT FAILED: missing ");
}

/// What a program says whose broker is killed while it works. It must fail.
async fn killed(start: impl Fn(SocketAddr) -> Program) -> Log {
    let mut broker = Broker::start(&Launch::memory()).await;
    let program = start(broker.address);
    let calls = async || stored(&broker).await + fetched(&broker).await;
    until(PATIENCE, "the program has begun", async || (calls().await > 100).then_some(())).await;
    broker.kill();
    program.fails().await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_said_at_once() {
    let log = pool(SocketAddr::from(([127, 0, 0, 1], 1)), &[]).fails().await;
    must_say(&log, "no broker serves at 127.0.0.1:1");
}
