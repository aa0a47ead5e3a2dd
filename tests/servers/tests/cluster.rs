//! Three nodes are as their handle says.

use broker_test_servers::cassandra::Cluster;

#[tokio::test]
async fn two_of_three_nodes_serve() {
    let mut cluster = Cluster::start().await;
    let keyspace =
        "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}";
    let first = cluster.node(0);
    first.cql(keyspace).await.unwrap();
    first.cql("CREATE TABLE k.t (n int PRIMARY KEY)").await.unwrap();
    first.cql("INSERT INTO k.t (n) VALUES (1)").await.unwrap();
    cluster.node(1).kill();
    for at in [0, 2] {
        cluster.node(at).until_cql("INSERT INTO k.t (n) VALUES (2)").await;
    }
    cluster.node(1).restart().await;
    cluster.node(1).until_cql("SELECT n FROM k.t").await;
}
