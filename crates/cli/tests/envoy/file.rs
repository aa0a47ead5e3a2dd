//! The shipped file: Envoy takes it in every form that it speaks of, and what runs is what it says.

use crate::broker;
use broker_server::ServerLimits;
use broker_test_servers::{Authority, Envoy, envoy, envoy::Setup};
use regex::Regex;
use serde_json::Value;
use std::{fs, net::SocketAddr, path::Path, process::Command};

const BUCKET: &str = "token_bucket: {max_tokens: 1000, tokens_per_fill: 800, fill_interval: 1s}";

fn is_taken(setup: &Setup) {
    let said = setup.validate();
    assert!(said.status.success(), "{}\n{}", String::from_utf8_lossy(&said.stderr), setup.text());
}

fn brokers(count: u16) -> Vec<SocketAddr> {
    (1..=count).map(|port| ([127, 0, 0, 1], port).into()).collect()
}

#[test]
fn envoy_takes_every_form_of_it() {
    is_taken(&Envoy::before(&brokers(1)));
    is_taken(&Envoy::before(&brokers(3)));
    is_taken(&crate::web::for_pages(Envoy::before(&brokers(1))));
    let authority = Authority::new();
    is_taken(&crate::tls::with_certificate(Envoy::before(&brokers(1)), &authority));
}

/// The command of docs/envoy.md for a single machine, as a shell runs it.
#[test]
fn the_command_of_the_page_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("docs/envoy.md")).expect("the page is there");
    let command = page.lines().find_map(|line| line.strip_prefix("    $ envoy/bin/envoy "));
    let command = command.expect("the page has the command");
    let run = |command: &str| {
        let output = Command::new("sh").args(["-c", command]).current_dir(&root).output();
        let output = output.expect("there is a shell");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    run(&format!("\"$BROKER_ENVOY\" --mode validate {command}"));
    let changed = run(&format!("echo {}", command.trim_start_matches("--config-yaml ")));
    for (from, to) in [
        ("address: 0.0.0.0, port_value: 10000", "address: 127.0.0.1, port_value: 10000"),
        ("address: 0.0.0.0, port_value: 9903", "address: 127.0.0.1, port_value: 9903"),
        ("address: broker, port_value: 8080", "address: 127.0.0.1, port_value: 8080"),
    ] {
        assert!(changed.contains(to) && !changed.contains(from), "{to}");
    }
}

#[test]
fn envoy_refuses_a_wrong_one() {
    let wrong = Envoy::before(&brokers(1)).with("max_tokens: 1000", "most_tokens: 1000");
    assert!(!wrong.validate().status.success());
}

/// As it is shipped, with nothing changed.
#[test]
fn it_names_the_ports_and_numbers_that_users_know() {
    let shipped = envoy::shipped();
    for known in [
        "address: 0.0.0.0, port_value: 10000",
        "address: 0.0.0.0, port_value: 9903",
        "address: broker, port_value: 8080",
        BUCKET,
        "{key: x-local-rate-limit, value: \"true\"}",
    ] {
        assert_eq!(shipped.matches(known).count(), 1, "{known}");
    }
    // The admin pages can end it: they are on loopback, and so is the way to them.
    let admin = "address: 127.0.0.1, port_value: 9902";
    assert_eq!(shipped.matches("port_value: 9902").count(), shipped.matches(admin).count());
}

/// What the broker can take: Envoy lets no less through, and nobody who does not read stops the others.
#[test]
fn its_limits_fit_those_of_the_broker() {
    let broker = ServerLimits::default();
    let shipped = envoy::shipped();
    let numbers = |name: &str| -> Vec<u64> {
        let wanted = Regex::new(&format!(r"\b{name}: (\d+)")).expect("it is a pattern");
        let found = wanted.captures_iter(&shipped);
        found.map(|found| found[1].parse().expect("a number")).collect()
    };
    assert_eq!(numbers("max_requests"), [broker.calls as u64]);
    assert_eq!(numbers("max_active_downstream_connections"), [broker.connections as u64]);
    let [clients, brokers] = numbers("max_concurrent_streams")[..] else { panic!("two of them") };
    assert_eq!(clients, u64::from(broker.streams_per_connection));
    assert!(brokers <= clients);
    // Connections enough for all calls, among those that the broker takes.
    let [connections] = numbers("max_connections")[..] else { panic!("one of them") };
    assert!(connections * brokers >= broker.calls as u64);
    assert!(connections < broker.connections as u64);
    // Towards brokers: all streams of a connection may stand still, and it does not.
    let stream = numbers("initial_stream_window_size")[1];
    let connection = numbers("initial_connection_window_size")[1];
    assert_eq!(stream, u64::from(broker.stream_window));
    assert_eq!(connection, u64::from(broker.connection_window));
    assert!(brokers * stream <= connection);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_what_the_file_says() {
    let broker = broker().await;
    let envoy = Envoy::before(&[broker.address]).start().await;
    let dump: Value = serde_json::from_str(&envoy.admin_page("/config_dump").await).expect("JSON");
    let found = |name: &str| {
        let mut all = Vec::new();
        collect(&dump, name, &mut all);
        all
    };
    let bucket = serde_json::json!({
        "max_tokens": 1000, "tokens_per_fill": 800, "fill_interval": "1s"
    });
    // The dump shows the file as it was read, and each listener once more.
    let buckets = found("token_bucket");
    assert!(buckets.len() >= 2 && buckets.iter().all(|it| **it == bucket), "{buckets:?}");
    let idle = found("stream_idle_timeout");
    assert!(!idle.is_empty() && idle.iter().all(|it| *it == "0s"), "{idle:?}");
}

/// Every value of that name, wherever it stands.
fn collect<'a>(value: &'a Value, name: &str, all: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            all.extend(fields.get(name));
            fields.values().for_each(|field| collect(field, name, all));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, name, all)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
