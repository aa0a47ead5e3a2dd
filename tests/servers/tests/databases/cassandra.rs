//! A Cassandra is as its handle says.

use broker_test_servers::{Authority, Cassandra, cassandra::CommitLog};

const KEYSPACE: &str =
    "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";

#[tokio::test]
async fn what_is_acknowledged_survives_a_kill_and_a_stop() {
    let mut server = Cassandra::start().await;
    let address = server.address();
    server.cql(KEYSPACE).await.unwrap();
    server.cql("CREATE TABLE k.t (n int PRIMARY KEY)").await.unwrap();
    server.cql("INSERT INTO k.t (n) VALUES (1)").await.unwrap();
    server.kill();
    assert!(std::net::TcpStream::connect(address).is_err());
    server.restart().await;
    server.cql("INSERT INTO k.t (n) VALUES (2)").await.unwrap();
    server.stop().await;
    server.restart().await;
    assert_eq!(server.address(), address);
    server.cql("SELECT n FROM k.t").await.unwrap();
    let refused = server.cql("SELECT n FROM k.u").await.unwrap_err();
    assert!(refused.contains("table u does not exist"), "{refused}");
}

#[tokio::test]
async fn it_asks_for_a_password() {
    let setup = Cassandra::setup().password().commit_log(CommitLog::Group).heap(192);
    let server = setup.start().await;
    server.cql("SELECT role FROM system_auth.roles").await.unwrap();
}

#[tokio::test]
async fn it_speaks_tls_and_nothing_else() {
    let authority = Authority::new();
    let certificate = authority.issue(&["127.0.0.1"]);
    let setup = Cassandra::setup().tls(&certificate).commit_log(CommitLog::Periodic).heap(192);
    let mut server = setup.start().await;
    server.cql("SELECT key FROM system.local").await.unwrap_err();
    assert!(server.log_tail().contains("CQL clients"), "{}", server.log_tail());
}

#[tokio::test]
async fn the_oldest_version_runs_too() {
    let server = Cassandra::setup().old().start().await;
    server.cql("SELECT release_version FROM system.local").await.unwrap();
}
