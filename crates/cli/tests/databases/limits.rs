//! PostgreSQL takes no writes, or no connections, for a while.

use crate::{
    calls,
    database::{Kind, SLACK, UNAVAILABLE_AFTER},
    entry::Lifetime,
    process::Broker,
    publisher::Publisher,
    waiting::{PATIENCE, timed, until},
};
use broker_test_servers::Postgres;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

const BYTES: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_database_refuses_and_is_read() {
    let server = Postgres::start().await;
    let broker = Broker::start(&Kind::Postgres.launch(server.address())).await;
    let client = calls::connect(broker.address).await;
    let mut publisher = Publisher::default();
    publisher.publish(&client, "a", Lifetime::Kept, BYTES).await.expect("stored");

    server.sql("ALTER SYSTEM SET default_transaction_read_only = on").await;
    server.sql("SELECT pg_reload_conf()").await;
    let told = until(PATIENCE, "every session knows it", async || {
        publisher.publish(&client, "a", Lifetime::Kept, BYTES).await.err()
    })
    .await;
    assert_eq!((told.code(), &*calls::reason(&told)), (Code::Unavailable, "STORAGE_UNAVAILABLE"));
    assert_eq!(calls::fetch(&client, "a", 1).await.expect("it can be read").id, 1);

    // A session of an administrator may write all the same.
    let administrator = server.client("postgres").await;
    administrator.batch_execute("SET default_transaction_read_only = off").await.expect("set");
    administrator
        .batch_execute("ALTER SYSTEM RESET default_transaction_read_only")
        .await
        .expect("reset");
    administrator.batch_execute("SELECT pg_reload_conf()").await.expect("told");
    until(PATIENCE, "it is stored again", async || {
        publisher.publish(&client, "a", Lifetime::Kept, BYTES).await.ok()
    })
    .await;
    broker.wait_for_health(ServingStatus::Serving, PATIENCE).await;
    publisher.audit(&client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_free_connections_is_waited_for() {
    let server = Postgres::start().await;
    server.sql("CREATE ROLE broker LOGIN").await;
    server.sql("CREATE DATABASE broker OWNER broker").await;
    let launch = Kind::Postgres
        .launch(server.address())
        .with("--postgres-user", "broker")
        .with("--postgres-database", "broker");
    let broker = Broker::start(&launch).await;
    let client = calls::connect(broker.address).await;
    let mut publisher = Publisher::default();
    publisher.publish(&client, "a", Lifetime::Kept, BYTES).await.expect("stored");

    server.sql("ALTER ROLE broker CONNECTION LIMIT 0").await;
    server
        .sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'broker'")
        .await;
    let (told, took) = timed(publisher.publish(&client, "a", Lifetime::Kept, BYTES)).await;
    let told = told.expect_err("no connection");
    assert_eq!((told.code(), &*calls::reason(&told)), (Code::Unavailable, "STORAGE_UNAVAILABLE"));
    assert!(took < UNAVAILABLE_AFTER + SLACK, "{took:?}");
    server.sql("ALTER ROLE broker CONNECTION LIMIT -1").await;
    until(PATIENCE, "it is stored again", async || {
        publisher.publish(&client, "a", Lifetime::Kept, BYTES).await.ok()
    })
    .await;
    broker.wait_for_health(ServingStatus::Serving, PATIENCE).await;
    publisher.audit(&client).await;
}
