//! A real Prometheus reads from a real broker exactly what was done to it.

use crate::{
    admin, calls,
    database::Kind,
    expected::{self, Commits, Expected},
    launch::Launch,
    process::Broker,
    promtool,
    shipped::Targets,
    traffic,
    waiting::{PATIENCE, until},
};
use broker_test_servers::{Prometheus, prometheus::Sample};
use std::{collections::BTreeMap, fs};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn over_local() {
    let folder = TempDir::new().expect("a folder");
    let launch = Launch::local(folder.path());
    let (broker, prometheus) = everything_is_counted(&launch, Commits::All).await;
    for metric in
        ["syncs_total", "sync_duration_seconds_count", "written_bytes_total", "size_bytes"]
    {
        let value = prometheus.value(&format!("broker_store_{metric}")).await;
        assert!(value > Some(0.0), "{metric}: {value:?}");
    }
    let free =
        prometheus.value("broker_store_disk_free_bytes / broker_store_disk_size_bytes").await;
    assert!(free > Some(0.0) && free < Some(1.0), "{free:?}");
    let (_, page) = admin::page(broker.admin, "/metrics").await;
    // The predecessor's name is kept as it was.
    let expected = ["total_gc counter metrics should have \"_total\" suffix"];
    assert_eq!(promtool::complaints(&page), expected);
    old_names_are_right(&broker, &prometheus).await;
    gauges_come_and_go(&broker, &prometheus).await;
    open_metrics_is_read(&prometheus).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_memory() {
    let (_broker, prometheus) = everything_is_counted(&Launch::memory(), Commits::None).await;
    let size = prometheus.value("broker_store_size_bytes").await;
    assert!(size > Some(5_000.0), "{size:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn over_postgres() {
    over_a_database(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_cassandra() {
    over_a_database(Kind::Cassandra).await;
}

async fn over_a_database(kind: Kind) {
    let (_broker, prometheus) =
        everything_is_counted(&kind.launch(kind.shared()), Commits::All).await;
    for metric in ["statements_total", "round_trips_total", "epoch"] {
        let value = prometheus.value(&format!("broker_store_{metric}")).await;
        assert!(value > Some(0.0), "{metric}: {value:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scraping_takes_no_memory() {
    let broker = Broker::start(&Launch::memory()).await;
    traffic::run(&broker).await;
    let scrape = async |times| {
        for _ in 0..times {
            let (code, page) = admin::page(broker.admin, "/metrics").await;
            assert_eq!(code, 200);
            assert!(page.contains("broker_rpcs_total"));
        }
        broker.anonymous_memory()
    };
    let before = scrape(200).await;
    let after = scrape(200).await;
    let grown = after.saturating_sub(before);
    // Some pages of the allocator may come and go.
    assert!(grown < 512 * 1024, "{before} bytes, {after} after 200 more scrapes");
}

/// Runs the known load and waits until Prometheus has the numbers that it must have.
async fn everything_is_counted(launch: &Launch, commits: Commits) -> (Broker, Prometheus) {
    let broker = Broker::start(launch).await;
    let prometheus = Targets::default().broker("main", broker.admin).watch().await;
    let must = expected::after(&traffic::run(&broker).await, commits);
    let mut wrong = Vec::new();
    let all = async || {
        wrong = differences(&prometheus, &must).await;
        wrong.is_empty().then_some(())
    };
    let limit = tokio::time::timeout(PATIENCE, until(PATIENCE * 2, "the numbers", all)).await;
    assert!(limit.is_ok(), "{wrong:#?}");
    (broker, prometheus)
}

/// What Prometheus has otherwise.
async fn differences(prometheus: &Prometheus, must: &[Expected]) -> Vec<String> {
    let mut wrong = Vec::new();
    for Expected { expression, labels, values } in must {
        let has = counted(prometheus, expression, labels).await;
        if has != *values {
            wrong.push(format!("{expression}: {has:?} instead of {values:?}"));
        }
    }
    wrong
}

/// The values of an expression, by the values of these labels.
async fn counted(
    prometheus: &Prometheus,
    expression: &str,
    labels: &[&str],
) -> BTreeMap<Vec<String>, u64> {
    let samples = prometheus.query(expression).await;
    let samples = samples.unwrap_or_else(|error| panic!("{expression}: {error}"));
    let one = |sample: &Sample| {
        let values =
            labels.iter().map(|label| sample.labels.get(*label).cloned().unwrap_or_default());
        (values.collect(), sample.value as u64)
    };
    samples.iter().map(one).collect()
}

/// What users of the predecessor look at has its old meaning.
async fn old_names_are_right(broker: &Broker, prometheus: &Prometheus) {
    for quantile in ["0.5", "0.95", "0.99"] {
        for method in ["Publish", "Fetch"] {
            let duration =
                format!("method_duration{{method=\"{method}\",quantile=\"{quantile}\"}}");
            let value = prometheus.value(&duration).await;
            assert!(value > Some(0.0) && value < Some(30.0), "{duration}: {value:?}");
        }
    }
    near(prometheus, "memory_usage_bytes", 0.1, || resident(broker)).await;
    near(prometheus, "process_resident_memory_bytes{job=\"broker\"}", 0.1, || resident(broker))
        .await;
    near(prometheus, "cpu_load", 0.2, load).await;
    let cpus = prometheus.query("cpu_utilization_percent").await.expect("it is there");
    let count = std::thread::available_parallelism().expect("Linux says it").get();
    assert!(cpus.len() >= count, "{cpus:?}");
    assert!(cpus.iter().all(|cpu| (0.0..=100.0).contains(&cpu.value)), "{cpus:?}");
}

/// What counts who is there rises with a subscriber, and falls when it leaves.
async fn gauges_come_and_go(broker: &Broker, prometheus: &Prometheus) {
    let gauges = [
        "active_subscribers",
        "broker_subscriptions",
        "broker_connections",
        "broker_rpcs_in_flight{method=\"broker.Broker/Subscribe\"}",
        "broker_limit_used{limit=\"subscriptions\"}",
    ];
    let all_are = async |value: f64| {
        for gauge in gauges {
            until(PATIENCE, &format!("{gauge} is {value}"), async || {
                (prometheus.value(gauge).await == Some(value)).then_some(())
            })
            .await;
        }
    };
    let client = calls::connect(broker.address).await;
    let subscription = calls::subscribe(&client, "gauges", 0).await.expect("a subscription");
    all_are(1.0).await;
    drop((subscription, client));
    all_are(0.0).await;
}

/// Waits until a metric is as near to what the system says now as this share of it.
async fn near(prometheus: &Prometheus, metric: &str, share: f64, system: impl Fn() -> f64) {
    until(PATIENCE, &format!("{metric} is what the system says"), async || {
        let (has, must) = (prometheus.value(metric).await?, system());
        ((has - must).abs() <= share * must + 0.05).then_some(())
    })
    .await;
}

fn resident(broker: &Broker) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", broker.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says it");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") * 1024.0
}

fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").expect("Linux has it");
    text.split(' ').next().and_then(|word| word.parse().ok()).expect("a number")
}

/// Only OpenMetrics calls a counter by its name without `_total`.
async fn open_metrics_is_read(prometheus: &Prometheus) {
    let metadata = prometheus.ask("/api/v1/metadata", &[]).await.expect("an answer");
    assert!(metadata["broker_rpcs"].is_array(), "{metadata}");
    assert!(metadata["broker_rpcs_total"].is_null());
}
