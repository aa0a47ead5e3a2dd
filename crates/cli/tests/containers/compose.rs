//! `compose.yaml` and what it mounts, without an engine.

use crate::{
    environment::clear_settings,
    files,
    services::{BOTH, understood},
};
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path, process::Command};
use tempfile::TempDir;

/// What runs without a profile.
const ALWAYS: &[&str] = &["broker", "envoy", "grafana", "jaeger", "node-exporter", "prometheus"];

/// The ports of all services: inside, and so outside by default.
const PORTS: &[(&str, &[u64])] = &[
    ("broker", &[8080, 9901]),
    ("cassandra", &[9042]),
    ("envoy", &[10000]),
    ("grafana", &[3000]),
    ("jaeger", &[4317, 16686]),
    ("node-exporter", &[]),
    ("postgres", &[5432]),
    ("prometheus", &[9090]),
];

#[test]
fn every_variant_has_its_services_in_both_versions() {
    let variants: [(&[&str], &[&str]); 4] = [
        (&[], &[]),
        (&["postgres"], &["postgres"]),
        (&["cassandra"], &["cassandra"]),
        (&["postgres", "cassandra"], &["cassandra", "postgres"]),
    ];
    for (profiles, more) in variants {
        let wanted: BTreeSet<&str> = ALWAYS.iter().chain(more).copied().collect();
        for compose in BOTH {
            compose.ask(profiles, &["config", "--quiet"]);
            let services = compose.ask(profiles, &["config", "--services"]);
            let mut services: BTreeSet<&str> = services.lines().collect();
            if compose == crate::services::Compose::Old {
                // It lists all there are.
                services.retain(|name| wanted.contains(name));
            }
            assert_eq!(services, wanted, "{compose:?} {profiles:?}");
        }
    }
}

#[test]
fn ports_are_published_on_loopback_only() {
    for (name, service) in all_services() {
        let (_, wanted) = PORTS.iter().find(|(known, _)| *known == name).expect("a known service");
        let ports = service["ports"].as_array().cloned().unwrap_or_default();
        let mut targets: Vec<u64> =
            ports.iter().filter_map(|port| port["target"].as_u64()).collect();
        targets.sort_unstable();
        assert_eq!(targets, *wanted, "{name}");
        for port in &ports {
            assert_eq!(port["host_ip"], "127.0.0.1", "{name}");
            assert_eq!(port["published"], port["target"].to_string(), "{name}");
        }
    }
}

#[test]
fn ports_are_those_that_the_mounted_files_name() {
    let listened = [
        ("Dockerfile", "EXPOSE 8080 9901"),
        ("deploy/envoy/envoy.yaml", "port_value: 10000"),
        ("deploy/envoy/envoy.yaml", "port_value: 9903"),
        ("deploy/envoy/envoy.yaml", "address: broker, port_value: 8080"),
        ("deploy/compose/jaeger.yaml", "0.0.0.0:4317"),
        ("deploy/compose/jaeger.yaml", "0.0.0.0:16686"),
        ("deploy/compose/jaeger.yaml", "port: 8888"),
        ("deploy/compose/datasource.yml", "http://prometheus:9090"),
    ];
    for (file, words) in listened {
        assert!(files::text(file).contains(words), "{file} has `{words}`");
    }
}

#[test]
fn what_is_mounted_is_there() {
    for (name, service) in all_services() {
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let source = volume["source"].as_str().expect("a source");
            if volume["type"] == "bind" {
                assert!(Path::new(source).exists(), "{name} mounts {source}");
                assert_eq!(volume["read_only"], true, "{name} may write to {source}");
            } else {
                assert!(understood(&["postgres", "cassandra"])["volumes"][source].is_object());
            }
        }
    }
}

#[test]
fn every_service_has_limits_and_comes_back() {
    for (name, service) in all_services() {
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        assert!(service["mem_limit"].is_string(), "{name} has a limit of memory: {service}");
        assert!(service["cpus"].is_number(), "{name} has a limit of processors");
        assert_eq!(service["security_opt"][0], "no-new-privileges:true", "{name}");
        if !["cassandra", "grafana", "postgres"].contains(&&*name) {
            assert_eq!(service["read_only"], true, "{name}");
            assert_eq!(service["cap_drop"][0], "ALL", "{name}");
        }
    }
}

#[test]
fn the_broker_knows_every_variable_that_it_is_given() {
    let settings = broker_config(&[]);
    let known: BTreeSet<&str> =
        settings.lines().filter_map(|line| line.split('"').nth(3)).collect();
    assert!(known.len() > 50, "{settings}");
    let given = all_services().into_iter().find(|(name, _)| name == "broker").expect("it is there");
    let given = given.1["environment"].as_object().cloned().expect("it has an environment");
    assert!(given.len() > 5);
    for name in given.keys() {
        let setting = name.strip_prefix("BROKER_").unwrap_or_else(|| panic!("{name} is a setting"));
        let setting = setting.to_lowercase().replace('_', "-");
        assert!(known.contains(&*setting), "{name} is no setting");
    }
}

#[test]
fn the_example_has_every_variable_with_its_default() {
    let compose = files::text("compose.yaml");
    let example = files::text(".env.example");
    let example: BTreeSet<(&str, &str)> = files::variables(&example).into_iter().collect();
    let used: BTreeSet<(&str, &str)> = compose
        .split("${")
        .skip(1)
        .map(|rest| rest.split_once('}').expect("it ends").0)
        .map(|inside| inside.split_once(":-").unwrap_or_else(|| panic!("{inside} has a default")))
        .collect();
    assert_eq!(used, example);
}

#[test]
fn the_broker_takes_the_example_for_its_own_settings() {
    let folder = TempDir::new().expect("a folder");
    fs::copy(files::root().join(".env.example"), folder.path().join(".env")).expect("it is there");
    let mut command = Command::new(env!("CARGO_BIN_EXE_broker"));
    clear_settings(&mut command);
    let output = command.current_dir(&folder).arg("config").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("POSTGRES_PASSWORD") && said.contains("POSTGRES_PORT"), "{said}");
}

#[test]
fn prometheus_and_grafana_read_what_is_shipped_with_other_addresses() {
    let pairs = [
        ("deploy/prometheus/prometheus.yml", "deploy/compose/prometheus.yml"),
        ("deploy/grafana/provisioning/datasources/prometheus.yml", "deploy/compose/datasource.yml"),
    ];
    let names = [
        ("broker:9901", "127.0.0.1:9901"),
        ("node-exporter:9100", "127.0.0.1:9100"),
        ("envoy:9903", "127.0.0.1:9903"),
        ("jaeger:8888", "127.0.0.1:8888"),
        ("http://prometheus:9090", "http://127.0.0.1:9090"),
    ];
    for (shipped, ours) in pairs {
        let ours = names.iter().fold(files::text(ours), |text, (from, to)| text.replace(from, to));
        assert_eq!(settings(&ours), settings(&files::text(shipped)), "{shipped}");
    }
}

/// The lines without the comment at the top.
fn settings(text: &str) -> Vec<&str> {
    text.lines().skip_while(|line| line.is_empty() || line.starts_with('#')).collect()
}

/// Name and content of every service.
fn all_services() -> Vec<(String, Value)> {
    let all = understood(&["postgres", "cassandra"]);
    let services = all["services"].as_object().expect("services");
    assert_eq!(services.len(), PORTS.len());
    services.iter().map(|(name, service)| (name.clone(), service.clone())).collect()
}

/// What `broker config` prints as JSON.
fn broker_config(flags: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_broker"));
    clear_settings(&mut command);
    command.args(["config", "--format", "json"]).args(flags);
    let output = command.current_dir(std::env::temp_dir()).output().expect("it runs");
    String::from_utf8(output.stdout).expect("plain text")
}
