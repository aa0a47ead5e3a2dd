//! A PostgreSQL is as its handle says.

use broker_test_servers::{Authority, PgBouncer, PoolMode, Postgres, postgres};
use std::time::Duration;
use tokio::time::timeout;
use tokio_postgres::Config;

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
    let mut asked = tokio::spawn(async move { postgres::rows(&client, "SELECT 1").await });
    assert!(timeout(Duration::from_millis(200), &mut asked).await.is_err());
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

fn over_tcp(port: u16) -> Config {
    let mut config = Config::new();
    config.host("127.0.0.1").port(port).user("postgres");
    config
}

#[tokio::test]
async fn it_asks_for_a_password_over_tcp_only() {
    let server = Postgres::setup().password("a 'word").start().await;
    let mut config = over_tcp(server.address().port());
    assert!(postgres::connect(&config).await.is_err());
    let client = postgres::connect(config.password("a 'word")).await.unwrap();
    assert_eq!(postgres::rows(&client, "SELECT 1").await, [["1"]]);
}

#[tokio::test]
async fn it_speaks_tls_and_nothing_else_over_tcp() {
    let authority = Authority::new();
    let server = Postgres::setup().tls(&authority.issue(&["127.0.0.1"])).start().await;
    let refused = postgres::connect(&over_tcp(server.address().port())).await.err().unwrap();
    assert!(format!("{refused:?}").contains("no encryption"), "{refused:?}");
    assert_eq!(server.sql("SHOW ssl").await, [["on"]]);
}

#[tokio::test]
async fn a_pooler_lends_connections_for_a_session_or_a_transaction() {
    const LENT: &str = "SELECT pg_backend_pid()";
    let server = Postgres::start().await;
    for (mode, wanted) in [(PoolMode::Session, 2), (PoolMode::Transaction, 1)] {
        let pooler = PgBouncer::before(&server, mode).await;
        let config = over_tcp(pooler.address().port());
        let first = postgres::connect(&config).await.unwrap();
        let second = postgres::connect(&config).await.unwrap();
        // Two sessions have two connections; two transactions, one after the other, share one.
        let mut lent =
            vec![postgres::rows(&first, LENT).await, postgres::rows(&second, LENT).await];
        lent.dedup();
        assert_eq!(lent.len(), wanted, "{mode:?}");
    }
}
