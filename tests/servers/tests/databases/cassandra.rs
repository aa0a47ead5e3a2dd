//! A Cassandra is as its handle says.

use broker_test_servers::Cassandra;

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
