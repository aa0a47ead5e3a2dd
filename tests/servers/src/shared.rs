//! The servers that all tests of a run share: `cargo xtask test` starts them once and tells where they are.

use crate::{Cassandra, Kubernetes, Postgres, cassandra, postgres as database};
use std::{env, net::SocketAddr};

/// Names the shared PostgreSQL, as `host:port`.
pub const POSTGRES: &str = "BROKER_TEST_POSTGRES";

/// Names the shared Cassandra, as `host:port`.
pub const CASSANDRA: &str = "BROKER_TEST_CASSANDRA";

/// Says where a Jaeger takes spans.
pub const JAEGER: &str = "BROKER_TEST_JAEGER";

/// Names the folder of the shared cluster.
pub const KUBERNETES: &str = "BROKER_TEST_KUBERNETES";

/// The shared cluster.
pub fn kubernetes() -> Kubernetes {
    let folder = env::var_os(KUBERNETES);
    Kubernetes::of(folder.unwrap_or_else(|| panic!("{KUBERNETES} names no cluster")).into())
}

/// Where the shared PostgreSQL is. Its user `postgres` is trusted.
pub fn postgres() -> SocketAddr {
    address(POSTGRES)
}

/// Where the shared Cassandra is. It asks for no password.
pub fn cassandra() -> SocketAddr {
    address(CASSANDRA)
}

/// Runs statements in the shared PostgreSQL, as its superuser; the rows as text.
pub async fn sql(text: &str) -> Vec<Vec<String>> {
    let mut config = tokio_postgres::Config::new();
    let address = postgres();
    config.host(address.ip().to_string()).port(address.port()).user("postgres");
    let client = database::connect(&config).await;
    let client = client.unwrap_or_else(|error| panic!("the shared PostgreSQL: {error}"));
    database::rows(&client, text).await
}

/// Runs a statement in the shared Cassandra.
pub async fn cql(statement: &str) {
    let done = cassandra::run(cassandra(), statement).await;
    done.unwrap_or_else(|error| panic!("the shared Cassandra: {statement}: {error}"));
}

/// Whether the shared Cassandra has a keyspace of that name.
pub async fn has_keyspace(name: &str) -> bool {
    match cassandra::run(cassandra(), &format!("USE \"{name}\"")).await {
        Ok(()) => true,
        Err(error) if error.contains("does not exist") => false,
        Err(error) => panic!("the shared Cassandra: {error}"),
    }
}

/// A PostgreSQL for many tests at once.
pub async fn start_postgres() -> Postgres {
    Postgres::setup().setting("max_connections=500").setting("shared_buffers=128MB").start().await
}

/// A Cassandra for many tests at once, of the newest version or of the oldest that the broker works with.
pub async fn start_cassandra(is_old: bool) -> Cassandra {
    let setup = Cassandra::setup().heap(512).forgetful();
    if is_old { setup.old().start().await } else { setup.start().await }
}

fn address(variable: &str) -> SocketAddr {
    let text = env::var(variable).unwrap_or_default();
    let address = text.parse();
    address.unwrap_or_else(|_| {
        panic!("{variable} names no server: run `cargo xtask test --only databases`")
    })
}
