//! `broker bench` of a broker over a database: a short form of each workload, and what the database alone
//! allows, for its audit and not for its time.

use crate::{
    database::{Kind, fresh_name, over_both},
    launch::{binary, clear_settings},
    process::send,
    waiting::{PATIENCE, until},
};
use broker_test_servers::shared;
use rustix::process::Signal;
use serde_json::Value;
use std::{fs, process::Command};

over_both!(
    workloads_are_audited_beside_the_databases_own_ceiling,
    a_database_alone_is_measured_and_left_as_it_was,
    an_interrupted_bench_leaves_nothing_in_the_database,
);

/// Its report, which has no fault.
async fn report(kind: Kind, place: &str, arguments: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let mut command =
        command(kind, place, arguments, &["--rounds", "1", "--json", file.to_str().unwrap()]);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}{problem}");
    assert!(said.contains("errors    none") && said.contains("audit     clean"), "{said}");
    serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap()
}

fn command(kind: Kind, place: &str, arguments: &[&str], more: &[&str]) -> Command {
    let mut command = Command::new(binary());
    clear_settings(&mut command);
    command.current_dir(std::env::temp_dir()).arg("bench").args(arguments);
    command.args(["--time", "300ms", "--warm-up", "0s"]).args(more);
    command.args(["--storage", kind.name(), "--"]);
    let server = kind.shared();
    let (host, port) = (server.ip().to_string(), server.port().to_string());
    command.args([&format!("--{}-port", kind.name()), &port]);
    match kind {
        Kind::Postgres => command
            .args(["--postgres-host", &host, "--postgres-schema", place])
            .args(["--postgres-user", "postgres", "--postgres-database", "postgres"]),
        Kind::Cassandra => {
            command.args(["--cassandra-hosts", &host, "--cassandra-keyspace", place])
        }
    };
    command
}

/// Whether there is a schema or keyspace of that name.
async fn is_there(kind: Kind, place: &str) -> bool {
    match kind {
        Kind::Postgres => {
            let words = format!("SELECT 1 FROM pg_namespace WHERE nspname = '{place}'");
            !shared::sql(&words).await.is_empty()
        }
        Kind::Cassandra => shared::has_keyspace(place).await,
    }
}

async fn workloads_are_audited_beside_the_databases_own_ceiling(kind: Kind) {
    let place = fresh_name();
    for (workload, ceiling) in [
        (&["publish", "--in-flight", "1", "--connections", "1"][..], Some("lone writes")),
        (&["publish"], Some("one bare client")),
        (&["stream", "--subjects", "10"], Some("in bulk")),
        (&["replay"], None),
        (&["fetch"], None),
    ] {
        let few = ["--messages", "2000", "--ceiling"];
        let report = report(kind, &place, &[workload, &few].concat()).await;
        let shares = report["shares"].as_array().unwrap();
        let of = |share: &Value| share["of"].as_str().unwrap().to_owned();
        let of: Vec<_> = shares.iter().map(of).collect();
        assert_eq!(of.len(), if ceiling.is_some() { 2 } else { 1 }, "{of:?}");
        assert!(ceiling.is_none_or(|words| of[1].contains(words)), "{of:?}");
        assert!(report["per_stored_message"]["database"]["statements"].as_f64() > Some(0.0));
        assert!(report["audit"]["checked"].as_u64() > Some(0), "{report}");
        assert!(!is_there(kind, &format!("{place}_ceiling")).await);
    }
}

async fn a_database_alone_is_measured_and_left_as_it_was(kind: Kind) {
    let place = fresh_name();
    let report = report(kind, &place, &["ceilings"]).await;
    let figures = report["figures"].as_array().unwrap();
    let rates = figures.iter().filter(|figure| figure["unit"] == "/s");
    let rates: Vec<_> = rates.map(|figure| figure["median"].as_f64().unwrap()).collect();
    assert!(rates.len() >= 12 && rates.iter().all(|rate| *rate > 0.0), "{figures:?}");
    assert!(!is_there(kind, &place).await && !is_there(kind, &format!("{place}_ceiling")).await);
}

async fn an_interrupted_bench_leaves_nothing_in_the_database(kind: Kind) {
    let place = fresh_name();
    let ceiling = format!("{place}_ceiling");
    let mut child = command(kind, &place, &["ceilings"], &["--rounds", "100"]).spawn().unwrap();
    until(PATIENCE, "its place is there", async || is_there(kind, &ceiling).await.then_some(()))
        .await;
    send(child.id(), Signal::TERM);
    let ended = tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(130));
    assert!(!is_there(kind, &ceiling).await);
}
