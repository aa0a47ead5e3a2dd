//! All of it, started by the shipped file: a message goes from a client through Envoy to a database, and is seen by
//! Prometheus and Jaeger.

use crate::{
    calls,
    container::{PATIENCE, connect},
    services::Compose,
    waiting::until,
};
use broker_test_servers::docker::{Engine, Network, broker_image, stand_in};
use serde_json::Value;
use std::{fs, process::Command};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Those of which there is a program on this machine.
const STARTED: &[&str] = &["broker", "envoy", "prometheus", "node-exporter", "jaeger"];

/// An engine with their images.
async fn engine(databases: &[&str]) -> Engine {
    let image = broker_image().await;
    let engine = Engine::with_a_network_of_its_own().await;
    engine.load(&image);
    for role in STARTED.iter().skip(1).chain(databases) {
        engine.load(&stand_in(role));
    }
    engine
}

/// Variables for Compose beside the defaults.
fn variables(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), format!("IMAGE=broker:test\n{text}")).expect("it is ours");
    file
}

/// The standard output of a command that must succeed.
fn said(mut command: Command) -> String {
    let output = tokio::task::block_in_place(|| command.output()).expect("it can be run");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {out}\n{complaint}");
    out
}

/// What a service answers to a GET, as JSON.
async fn get(network: &Network, port: u16, path: &str) -> Option<Value> {
    let mut stream = network.connect(([127, 0, 0, 1], port).into()).await.ok()?;
    // Without chunks, and closed behind the answer.
    let request = format!("GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

/// Waits until an expression has this value at Prometheus.
async fn until_prometheus_says(network: &Network, expression: &str, wanted: &str) {
    let path = format!("/api/v1/query?query={}", expression.replace('"', "%22"));
    until(PATIENCE, &format!("{expression} is {wanted}"), async || {
        let answer = get(network, 9090, &path).await?;
        (answer["data"]["result"][0]["value"][1] == wanted).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_through_envoy_to_postgres_and_is_seen() {
    let engine = engine(&["postgres"]).await;
    let variables =
        variables("STORAGE=postgres\nPOSTGRES_PASSWORD=of-the-test\nTRACE_SAMPLING=1\n");
    let file = variables.path().to_str().expect("plain");
    let compose = |words: &[&str]| {
        let mut command = Compose::New.command(&engine, file, &["postgres"]);
        command.args(words);
        said(command)
    };
    let up = ["up", "--detach", "--no-build", "--pull", "never", "postgres"];
    compose(&[&up, STARTED].concat());

    // Envoy is started when the broker is healthy, so there is nothing to wait for but Envoy's own first check.
    let network = engine.network();
    let envoy = ([127, 0, 0, 1], 10000).into();
    let client = connect(&network, envoy).await;
    let id = until(PATIENCE, "a publish through Envoy", async || {
        calls::publish(&client, calls::kept("orders", "through it all")).await.ok()
    })
    .await;
    let message = calls::fetch(&client, "orders", id).await.expect("it is there");
    assert_eq!(message.body, "through it all");

    let count = "select sum(n_live_tup) from pg_stat_user_tables where relname like 'messages_%'";
    let psql = ["exec", "-T", "postgres", "psql", "-U", "broker", "-Atc"];
    until(PATIENCE, "PostgreSQL has it", async || {
        (compose(&[&psql[..], &[count]].concat()).trim() == "1").then_some(())
    })
    .await;

    until_prometheus_says(&network, "sum(broker_messages_accepted_total{kept=\"stored\"})", "1")
        .await;
    for job in ["broker", "node", "envoy", "jaeger", "prometheus"] {
        until_prometheus_says(&network, &format!("min(up{{job=\"{job}\"}})"), "1").await;
    }
    let rules = get(&network, 9090, "/api/v1/rules").await.expect("Prometheus answers");
    assert!(rules["data"]["groups"].as_array().is_some_and(|groups| groups.len() > 2), "{rules}");
    until(PATIENCE, "Jaeger has the trace", async || {
        let services = get(&network, 16686, "/api/services").await?;
        services["data"].as_array()?.iter().any(|name| name == "broker").then_some(())
    })
    .await;

    compose(&["down", "--volumes"]);
    nothing_is_left(&engine);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_compose_starts_it_over_its_own_store() {
    let engine = engine(&[]).await;
    let variables = variables("");
    let file = variables.path().to_str().expect("plain");
    let compose = |words: &[&str]| {
        let mut command = Compose::Old.command(&engine, file, &[]);
        command.args(words);
        said(command)
    };
    let up = ["up", "--detach", "--no-build"];
    compose(&[&up, STARTED].concat());
    let client = connect(&engine.network(), ([127, 0, 0, 1], 8080).into()).await;
    let id = calls::publish(&client, calls::kept("orders", "kept")).await.expect("stored");

    // Containers go, volumes stay.
    compose(&["down"]);
    compose(&[&up[..], &["broker", "envoy"]].concat());
    let client = connect(&engine.network(), ([127, 0, 0, 1], 10000).into()).await;
    let message = until(PATIENCE, "a fetch through Envoy", async || {
        calls::fetch(&client, "orders", id).await.ok()
    })
    .await;
    assert_eq!(message.body, "kept");
    compose(&["down", "--volumes"]);
    nothing_is_left(&engine);
}

fn nothing_is_left(engine: &Engine) {
    assert_eq!(engine.docker(["ps", "--all", "--quiet"]), "");
    assert_eq!(engine.docker(["volume", "ls", "--quiet", "--filter", "name=broker_"]), "");
    let networks = engine.docker(["network", "ls", "--format", "{{.Name}}"]);
    let mut networks: Vec<&str> = networks.lines().collect();
    networks.sort_unstable();
    assert_eq!(networks, ["bridge", "host", "none"]);
}
