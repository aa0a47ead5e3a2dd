//! A PostgreSQL is as its handle says.

use broker_test_servers::{Postgres, postgres};

const COUNT: &str = "SELECT count(*) FROM t";

async fn insert(server: &Postgres, rows: u32) {
    server.sql(&format!("INSERT INTO t SELECT generate_series(1, {rows})")).await;
}

#[tokio::test]
async fn what_is_committed_survives_a_kill_and_a_stop() {
    let mut server = Postgres::start().await;
    let address = server.address();
    server.sql("CREATE TABLE t (n int)").await;
    insert(&server, 3).await;
    server.kill();
    assert!(std::net::TcpStream::connect(address).is_err());
    server.restart().await;
    insert(&server, 4).await;
    assert!(server.stop_fast().await.success());
    server.restart().await;
    assert_eq!(server.address(), address);
    assert_eq!(server.sql(COUNT).await, [["7"]]);
}

#[tokio::test]
async fn a_paused_server_answers_nothing_until_it_goes_on() {
    let server = Postgres::start().await;
    let client = server.client("postgres").await;
    server.pause();
    let asked = tokio::spawn(async move { postgres::rows(&client, "SELECT 1").await });
    tokio::task::yield_now().await;
    assert!(!asked.is_finished());
    server.resume();
    assert_eq!(asked.await.unwrap(), [["1"]]);
}

#[tokio::test]
async fn settings_and_databases_are_made() {
    let server = Postgres::setup().setting("max_connections=17").start().await;
    assert_eq!(server.sql("SHOW max_connections").await, [["17"]]);
    assert_eq!(server.sql("SHOW fsync").await, [["on"]]);
    server.create_database("a b").await;
    let client = server.client("a b").await;
    assert_eq!(postgres::rows(&client, "SELECT current_database()").await, [["a b"]]);
}
