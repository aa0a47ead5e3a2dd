//! The shipped alerts fire for real faults of real brokers, and not before. Only how long a condition must
//! have held is shortened.

use crate::{
    calls,
    database::Kind,
    failing_syncs::FailingSyncs,
    launch::Launch,
    process::Broker,
    shipped::Targets,
    waiting::{PATIENCE, until},
};
use broker_proto::PublishRequest;
use broker_test_servers::Prometheus;
use rustix::process::Signal;
use std::collections::BTreeSet;
use tempfile::TempDir;
use tonic::Code;

/// Names of the alerts that fire.
async fn firing(prometheus: &Prometheus) -> BTreeSet<String> {
    let samples = prometheus.query("ALERTS{alertstate=\"firing\"}").await.expect("a query");
    samples
        .into_iter()
        .map(|mut sample| sample.labels.remove("alertname").expect("a name"))
        .collect()
}

/// Waits until an alert fires.
async fn fires(prometheus: &Prometheus, alert: &str) {
    until(PATIENCE * 2, &format!("{alert} fires"), async || {
        firing(prometheus).await.contains(alert).then_some(())
    })
    .await;
}

/// Waits until an alert is over.
async fn is_over(prometheus: &Prometheus, alert: &str) {
    until(PATIENCE * 2, &format!("{alert} is over"), async || {
        (!firing(prometheus).await.contains(alert)).then_some(())
    })
    .await;
}

/// A Prometheus that has scraped these brokers, evaluated all rules, and sees nothing to alert of.
async fn watch(targets: &Targets) -> Prometheus {
    let prometheus = targets.watch().await;
    until(PATIENCE, "all brokers are scraped", async || {
        let scraped = prometheus.value("count(count_over_time(up{job=\"broker\"}[1m]) >= 3)").await;
        (scraped == Some(targets.brokers.len() as f64)).then_some(())
    })
    .await;
    let quiet = BTreeSet::new();
    assert_eq!(firing(&prometheus).await, quiet, "alerts of brokers that are well");
    prometheus
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker() {
    let mut broker = Broker::start(&Launch::memory()).await;
    let prometheus = watch(&Targets::default().broker("main", broker.admin)).await;
    broker.kill();
    fires(&prometheus, "BrokerDown").await;
    let down = prometheus.query("ALERTS{alertname=\"BrokerDown\",alertstate=\"firing\"}").await;
    let labels = &down.expect("a query")[0].labels;
    assert_eq!(labels["instance"], broker.admin.to_string());
    assert_eq!((labels["severity"].as_str(), labels["cluster"].as_str()), ("critical", "main"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails() {
    let folder = TempDir::new().expect("a folder");
    let launch = Launch::local(folder.path()).with("--outcome-timeout", "1s");
    let broker = Broker::start(&launch).await;
    let client = calls::connect(broker.address).await;
    calls::publish(&client, calls::kept("a", "x")).await.expect("the disk is well");
    let prometheus = watch(&Targets::default().broker("main", broker.admin)).await;

    let _fault = FailingSyncs::attach(broker.pid()).await;
    let unknown = calls::publish(&client, calls::kept("a", "x")).await.expect_err("no sync");
    assert_eq!(calls::reason(&unknown), "OUTCOME_UNKNOWN");
    let closed = calls::publish(&client, calls::kept("b", "x")).await.expect_err("closed");
    assert_eq!(closed.code(), Code::Unavailable, "{closed:?}");
    for alert in [
        "StoreClosed",
        "BrokerNotReady",
        "MessagesNotStored",
        "StoreFailures",
        // Two of three messages failed.
        "ErrorBudgetBurnFast",
    ] {
        fires(&prometheus, alert).await;
    }
    assert!(!firing(&prometheus).await.contains("BrokerDown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store() {
    let launch = Launch::memory().with("--max-store-messages", "20");
    let broker = Broker::start(&launch).await;
    let prometheus = watch(&Targets::default().broker("main", broker.admin)).await;
    let client = calls::connect(broker.address).await;
    for _ in 0..20 {
        calls::publish(&client, calls::kept("a", "x")).await.expect("there is room");
    }
    fires(&prometheus, "LimitNear").await;
    let refused = calls::publish(&client, calls::kept("a", "x")).await.expect_err("it is full");
    assert_eq!(calls::reason(&refused), "OVERLOADED");
    fires(&prometheus, "MessagesOverloaded").await;
    fires(&prometheus, "StoreFull").await;
    let fired = firing(&prometheus).await;
    assert!(!fired.contains("MessagesNotStored") && !fired.contains("BrokerNotReady"), "{fired:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_subscriber() {
    let broker = Broker::start(&Launch::memory().with("--max-tail-size", "4MiB")).await;
    let prometheus = watch(&Targets::default().broker("main", broker.admin)).await;
    let client = calls::connect(broker.address).await;
    let mut slow = calls::subscribe(&client, "a", 0).await.expect("a subscription");
    for _ in 0..32 {
        let request = PublishRequest { keep: false, ..calls::kept("a", vec![0; 1024 * 1024]) };
        calls::publish(&client, request).await.expect("it is delivered to whoever reads");
    }
    // It is told, and so counted, with the first message after the loss.
    let mut missed = 0;
    until(PATIENCE, "a loss is told", async || {
        let end = PublishRequest { keep: false, ..calls::kept("a", "end") };
        calls::publish(&client, end).await.expect("it is delivered");
        let message = calls::next(&mut slow).await.expect("a message");
        missed += message.missed;
        (missed > 0).then_some(())
    })
    .await;
    fires(&prometheus, "MessagesMissed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_stands_still() {
    let kind = Kind::Postgres;
    let launch = kind.launch(kind.shared());
    let owner = Broker::start(&launch).await;
    let other = Broker::start_listening(&launch).await;
    let targets = Targets::default().broker("main", owner.admin).broker("main", other.admin);
    let prometheus = watch(&targets).await;
    let states = "count(broker_state{state=\"standby\"} == 1)";
    assert_eq!(prometheus.value(states).await, Some(1.0));

    owner.signal(Signal::STOP);
    fires(&prometheus, "StandbyWithoutOwner").await;
    // The other one takes over once the lease has ended.
    is_over(&prometheus, "StandbyWithoutOwner").await;
    let owners = prometheus.value("sum(broker_owner)").await;
    assert_eq!(owners, Some(1.0));
    assert!(!firing(&prometheus).await.contains("TwoOwners"));
    owner.signal(Signal::KILL);
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_that_share_a_name() {
    let (one, other) = tokio::join!(async { Broker::start(&Launch::memory()).await }, async {
        Broker::start(&Launch::memory()).await
    },);
    let apart = Targets::default().broker("one", one.admin).broker("other", other.admin);
    let prometheus = watch(&apart).await;
    let rule = "instance_limit:broker_limit:used_ratio";
    let evaluated = format!("count_over_time({rule}{{cluster=\"one\",limit=\"calls\"}}[1m])");
    until(PATIENCE, "rules are evaluated some times", async || {
        (prometheus.value(&evaluated).await >= Some(5.0)).then_some(())
    })
    .await;
    assert!(!firing(&prometheus).await.contains("TwoOwners"));
    drop(prometheus);
    let together = Targets::default().broker("one", one.admin).broker("one", other.admin);
    fires(&together.watch().await, "TwoOwners").await;
}
