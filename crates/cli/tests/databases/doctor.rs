//! `broker doctor` over a real database.

use crate::{
    calls,
    database::{Kind, over_both},
    launch::{Launch, clear_settings},
    process::Broker,
};
use broker_test_servers::Postgres;
use serde_json::Value;
use std::{env, process::Command};

over_both!(a_database_is_looked_at_and_left_alone);

async fn a_database_is_looked_at_and_left_alone(kind: Kind) {
    let server = kind.shared();
    let launch = kind.launch(server);
    let (code, before) = examine(&launch).await;
    assert_eq!(code, Some(0), "{before:?}");
    let port = server.port().to_string();
    assert!(of_store(&before)[0].contains(&port), "{before:?}");
    let not_there = match kind {
        Kind::Postgres => "will be made",
        Kind::Cassandra => "is not there",
    };
    // Twice: the first look made nothing.
    let (_, again) = examine(&launch).await;
    assert!(of_store(&again)[1].contains(not_there), "{again:?}");

    // Beside a broker, which goes on.
    let broker = Broker::start(&launch).await;
    let client = calls::connect(broker.address).await;
    calls::publish(&client, calls::kept("a", "x")).await.expect("stored");
    let (code, during) = examine(&launch).await;
    assert_eq!(code, Some(0), "{during:?}");
    let sentences = of_store(&during);
    match kind {
        Kind::Postgres => {
            let process = format!("process {} owns the store", broker.pid());
            assert!(sentences.iter().any(|text| text.contains(&process)), "{sentences:?}");
        }
        Kind::Cassandra => assert!(sentences[1].contains("is there"), "{sentences:?}"),
    }
    calls::publish(&client, calls::kept("a", "x")).await.expect("stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_weakens_or_stops_a_postgres_is_said() {
    let server = Postgres::setup().password("the-right-word").start().await;
    let launch = Kind::Postgres.launch(server.address());
    let (code, findings) =
        examine(&launch.clone().with("--postgres-password", "the-wrong-word")).await;
    assert_eq!(code, Some(1), "{findings:?}");
    let bad = findings.iter().find(|one| one["level"] == "bad").expect("one is bad");
    assert!(bad["name"] == "store" && bad["finding"].to_string().contains("password"), "{bad}");
    let all = format!("{findings:?}");
    assert!(!all.contains("the-wrong-word"), "a secret is told");

    let known = launch.with("--postgres-password", "the-right-word");
    server.sql("ALTER SYSTEM SET fsync = off").await;
    server.sql("SELECT pg_reload_conf()").await;
    server.sql("CREATE ROLE poor LOGIN PASSWORD 'the-right-word'").await;
    let (code, findings) = examine(&known).await;
    let is_warned = findings
        .iter()
        .any(|one| one["level"] == "warn" && one["finding"].to_string().contains("fsync = off"));
    assert!(code == Some(0) && is_warned, "{findings:?}");
    let (code, findings) = examine(&known.with("--postgres-user", "poor")).await;
    assert_eq!(code, Some(1));
    assert!(format!("{findings:?}").contains("GRANT USAGE, CREATE"), "{findings:?}");
}

/// The exit code and the findings for these settings.
async fn examine(launch: &Launch) -> (Option<i32>, Vec<Value>) {
    let serve = launch.command();
    let mut command = Command::new(serve.get_program());
    command.args(["doctor", "--format", "json"]).args(serve.get_args().skip(1));
    clear_settings(&mut command);
    command.current_dir(env::temp_dir());
    let run = tokio::task::spawn_blocking(move || command.output());
    let output = run.await.expect("no panic").expect("a run");
    let text = String::from_utf8(output.stdout).expect("text");
    let findings = text.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    (output.status.code(), findings.collect())
}

/// What is said of the store.
fn of_store(findings: &[Value]) -> Vec<String> {
    let these = findings.iter().filter(|one| one["name"] == "store");
    these.map(|one| one["finding"].as_str().expect("text").to_owned()).collect()
}
