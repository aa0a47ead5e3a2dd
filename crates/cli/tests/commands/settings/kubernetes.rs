//! Variables that are nobody's settings: those that Kubernetes makes, and strangers'.

use super::Place;
use crate::{command::Running, server::serve};

/// As in a pod beside services named broker, application, postgres and broker-cassandra.
const SERVICE_LINKS: &[(&str, &str)] = &[
    ("BROKER_SERVICE_HOST", "10.0.0.1"),
    ("BROKER_SERVICE_PORT", "8080"),
    ("BROKER_SERVICE_PORT_GRPC", "8080"),
    ("BROKER_PORT", "tcp://10.0.0.1:8080"),
    ("BROKER_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
    ("BROKER_PORT_8080_TCP_PROTO", "tcp"),
    ("BROKER_PORT_8080_TCP_PORT", "8080"),
    ("BROKER_PORT_8080_TCP_ADDR", "10.0.0.1"),
    ("APPLICATION_PORT", "tcp://10.0.0.2:80"),
    ("APPLICATION_SERVICE_HOST", "10.0.0.2"),
    ("POSTGRES_PORT", "tcp://10.0.0.3:5432"),
    ("BROKER_CASSANDRA_PORT", "tcp://10.0.0.4:9042"),
];

#[test]
fn service_links_stop_no_start_and_are_no_warning() {
    let mut command = serve(&["--storage", "memory", "--log-format", "json"]);
    command.envs(SERVICE_LINKS.iter().copied());
    let mut running = Running::start(command);
    let line = running.hear(|line| line.contains("set by Kubernetes").then(|| line.to_owned()));
    for name in ["BROKER_PORT_8080_TCP_ADDR", "POSTGRES_PORT", "BROKER_CASSANDRA_PORT"] {
        assert!(line.contains(name), "{line}");
    }
    running.hear(|line| line.contains("gRPC server listening").then_some(()));
    running.signal(rustix::process::Signal::TERM);
    let finished = running.finish();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(!finished.stderr.contains("WARN"), "{finished:?}");
}

#[test]
fn service_links_set_nothing() {
    let place = Place::new();
    assert_eq!(place.holds("listen", &[], SERVICE_LINKS), "127.0.0.1:8080 default");
    assert_eq!(place.holds("postgres-port", &[], SERVICE_LINKS), "5432 default");
    assert_eq!(place.holds("cassandra-port", &[], SERVICE_LINKS), "9042 default");
}

#[test]
fn a_stranger_in_the_environment_is_a_warning_with_the_nearest_name() {
    let mut command = serve(&["--storage", "memory", "--log-format", "json"]);
    command.envs([("BROKER_MAX_CALS", "s3cret"), ("CASSANDRA_TIME", "s3cret")]);
    let mut running = Running::start(command);
    let line = running.hear(|line| line.contains("BROKER_MAX_CALS").then(|| line.to_owned()));
    assert!(line.contains("\"WARN\"") && line.contains("did you mean `BROKER_MAX_CALLS`?"));
    let line = running.hear(|line| line.contains("has no effect:").then(|| line.to_owned()));
    assert!(line.contains("\"WARN\"") && line.contains("CASSANDRA_TIME"), "{line}");
    running.hear(|line| line.contains("gRPC server listening").then_some(()));
    running.signal(rustix::process::Signal::TERM);
    let finished = running.finish();
    assert!(finished.code == Some(0) && !finished.stderr.contains("s3cret"), "{finished:?}");
}
