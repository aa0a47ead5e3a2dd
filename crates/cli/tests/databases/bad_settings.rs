//! A database that is asked wrongly: one clear sentence and exit 1, at once.

use crate::{
    database::{Kind, SLACK},
    launch::Launch,
    process::Broker,
    waiting::{PATIENCE, timed, until},
};
use broker_test_servers::{Authority, Cassandra, Postgres};

/// The start ends with 1 and a last line that has these words.
async fn is_refused(launch: &Launch, words: &[&str]) {
    let (ended, took) = timed(async {
        match Broker::try_start(launch).await {
            Ok(mut broker) => (broker.ended(PATIENCE).await, broker.log.clone()),
            Err(ended) => ended,
        }
    })
    .await;
    let (status, log) = ended;
    assert_eq!(status.code(), Some(1), "{}", log.tail());
    assert!(took < 2 * SLACK, "{took:?}: it is no outage");
    // The pipes end with the process; their last line may still be on its way.
    let said = until(PATIENCE, "its sentence", async || log.failure()).await;
    log.check();
    assert!(words.iter().all(|word| said.contains(word)), "{words:?} in: {said}");
    println!("{said}");
    assert!(log.find(|line| line.contains("panicked").then_some(())).is_none(), "{}", log.tail());
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_names_what_is_wrong() {
    let server = Postgres::setup().password("the-right-word").start().await;
    let launch = || Kind::Postgres.launch(server.address());
    let known = || launch().with("--postgres-password", "the-right-word");
    is_refused(&launch().with("--postgres-password", "the-wrong-word"), &["password", "postgres"])
        .await;
    is_refused(&launch(), &["password"]).await;
    let missing = known().with("--postgres-database", "missing");
    is_refused(&missing, &["database", "missing"]).await;
    server.sql("CREATE ROLE poor LOGIN PASSWORD 'the-right-word'").await;
    let poor = known().with("--postgres-user", "poor");
    is_refused(&poor, &["GRANT"]).await;
    // It speaks no TLS.
    is_refused(&known().with("--postgres-tls", "verify-full"), &["TLS"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_with_a_certificate_of_another_authority() {
    let (right, wrong) = (Authority::new(), Authority::new());
    let server = Postgres::setup().tls(&right.issue(&["127.0.0.1"])).start().await;
    let launch = Kind::Postgres.launch(server.address()).with("--postgres-tls", "verify-full");
    is_refused(&launch.clone().with("--postgres-ca", wrong.file()), &["certificate"]).await;
    Broker::start(&launch.with("--postgres-ca", right.file())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cassandra_names_what_is_wrong() {
    let server = Cassandra::setup().password().start().await;
    let launch = || Kind::Cassandra.launch(server.address());
    let as_user = |password| {
        launch().with("--cassandra-user", "cassandra").with("--cassandra-password", password)
    };
    is_refused(&as_user("the-wrong-word"), &["password"]).await;
    is_refused(&launch(), &["does not let this broker in"]).await;
    Broker::start(&as_user("cassandra")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cassandra_with_a_certificate_of_another_authority() {
    let (right, wrong) = (Authority::new(), Authority::new());
    let server = Cassandra::setup().tls(&right.issue(&["127.0.0.1"])).start().await;
    let launch = Kind::Cassandra.launch(server.address()).with("--cassandra-tls", "verify-full");
    is_refused(&launch.clone().with("--cassandra-ca", wrong.file()), &["certificate"]).await;
    Broker::start(&launch.with("--cassandra-ca", right.file())).await;
}
