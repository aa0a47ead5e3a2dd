//! What is seen of Envoy: its access log, and its statistics.

use crate::{
    broker, calls,
    waiting::{PATIENCE, until},
};
use broker_test_servers::Envoy;
use regex::Regex;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_access_log_has_a_line_for_each_call() {
    let broker = broker().await;
    let envoy = Envoy::before(&[broker.address]).start().await;
    let client = calls::connect(envoy.address()).await;
    calls::publish(&client, calls::kept("a", "x")).await.expect("stored");
    calls::fetch(&client, "a", 9).await.expect_err("never published");
    drop(calls::subscribe(&client, "a", 0).await.expect("a subscription"));
    let line = async |method: &str| -> Value {
        let path = format!("/broker.Broker/{method}");
        until(PATIENCE, "a line of the access log", async || {
            envoy.access_log().into_iter().find(|line| line["method"] == *path)
        })
        .await
    };
    let publish = line("Publish").await;
    let known =
        ["grpc_status", "http_status", "attempts", "flags", "broker"].map(|it| &publish[it]);
    let broker = broker.address.to_string();
    assert_eq!(known, [&json!("OK"), &json!(200), &json!(1), &json!("-"), &json!(broker)]);
    assert!(publish["duration_ms"].is_u64() && publish["bytes_received"].is_u64(), "{publish}");
    assert_eq!(line("Fetch").await["grpc_status"], "INVALID_ARGUMENT");
    // Its client went away.
    assert_eq!(line("Subscribe").await["broker"], broker);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_for_probes_and_prometheus_shows_nothing_else() {
    let broker = broker().await;
    let envoy = Envoy::before(&[broker.address]).start().await;
    assert_eq!(envoy.page("/ready").await, "LIVE\n");
    assert!(envoy.page("/stats/prometheus").await.contains("envoy_server_live"));
    for hidden in [
        "/",
        "/config_dump",
        "/quitquitquit",
        "/stats",
        "/stats/prometheus/",
        "/ready/..",
        "/drain_listeners",
    ] {
        assert_eq!(envoy.page(hidden).await, "", "{hidden}");
    }
}

/// Names of statistics in the files that people look at.
#[tokio::test(flavor = "multi_thread")]
async fn every_statistic_that_is_spoken_of_is_there() {
    let broker = broker().await;
    let envoy = Envoy::before(&[broker.address]).start().await;
    let client = calls::connect(envoy.address()).await;
    calls::publish(&client, calls::kept("a", "x")).await.expect("stored");
    calls::fetch(&client, "a", 9).await.expect_err("never published");
    let name = Regex::new(r"\benvoy_[a-zA-Z0-9_]+").expect("it is a pattern");
    let mut spoken_of = BTreeSet::new();
    for file in spoken() {
        let text =
            fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        spoken_of.extend(name.find_iter(&text).map(|it| it.as_str().to_owned()));
    }
    assert!(spoken_of.len() > 10, "{spoken_of:?}");
    let page = until(PATIENCE, "the calls are counted", async || {
        let page = envoy.page("/stats/prometheus").await;
        page.contains("envoy_cluster_grpc_Fetch_failure").then_some(page)
    })
    .await;
    let shown: BTreeSet<&str> = name.find_iter(&page).map(|it| it.as_str()).collect();
    let missing: Vec<_> = spoken_of.iter().filter(|it| !shown.contains(it.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The page about Envoy, and everything that Prometheus and Grafana read.
fn spoken() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = vec![root.join("docs/envoy.md")];
    let mut folders = vec![root.join("deploy/prometheus"), root.join("deploy/grafana")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("it can be listed") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}
