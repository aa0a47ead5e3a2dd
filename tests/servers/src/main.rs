//! Starts servers for a script or a person: `broker-test-servers postgres cassandra` says where they are,
//! as `VARIABLE=host:port` (a cluster: `VARIABLE=folder`), a line each, and keeps them until its standard input ends or it is told to go.

#![expect(
    clippy::print_stdout,
    reason = "a program says on its standard output where the servers are"
)]
#![expect(clippy::print_stderr, reason = "and complains on its standard error")]

use broker_test_servers::{Cluster, Jaeger, shared};
use std::{io, process::ExitCode};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::spawn_blocking,
};

const KNOWN: [&str; 5] = ["postgres", "cassandra", "cassandra-old", "jaeger", "kubernetes"];

#[tokio::main]
async fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() || names.iter().any(|name| !KNOWN.contains(&name.as_str())) {
        eprintln!("Usage: broker-test-servers {} ...", KNOWN.join("|"));
        return ExitCode::from(2);
    }
    let (mut postgres, mut cassandra, mut jaeger, mut cluster) = (None, None, None, None);
    for name in names {
        let (variable, place) = match name.as_str() {
            "postgres" => {
                let server = postgres.insert(shared::start_postgres().await);
                (shared::POSTGRES, server.address().to_string())
            }
            "jaeger" => (shared::JAEGER, jaeger.insert(Jaeger::start().await).otlp().to_string()),
            "kubernetes" => {
                let folder = cluster.insert(Cluster::start().await).folder();
                (shared::KUBERNETES, folder.display().to_string())
            }
            _ => {
                let node = shared::start_cassandra(name == "cassandra-old").await;
                (shared::CASSANDRA, cassandra.insert(node).address().to_string())
            }
        };
        println!("{variable}={place}");
    }
    told_to_go().await;
    drop((postgres, cassandra, jaeger, cluster));
    // Without waiting for the thread that reads.
    std::process::exit(0)
}

async fn told_to_go() {
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be heard");
    let mut interrupt = signal(SignalKind::interrupt()).expect("signals can be heard");
    // Whoever started it holds the other end: it ends however that one does.
    let end = spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink()));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = end => {}
    }
}
