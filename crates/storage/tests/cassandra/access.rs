//! Who is let in, how, and what is said about the server's settings.

use super::scene::{Scene, ids, insist};
use crate::support::kept;
use broker_storage::{OpenError, Replication, Secret, Tls};
use broker_test_servers::{Authority, Cassandra, cassandra::CommitLog};
use std::time::Duration;

fn sentence(result: Result<broker_storage::Opened, OpenError>) -> String {
    result.expect_err("it does not open").to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_and_rights_are_needed_where_they_are() {
    let node =
        Cassandra::setup().password().setting("authorizer: CassandraAuthorizer").start().await;
    let mut scene = Scene::on(node.address());
    let text = sentence(scene.try_open(None).await);
    assert!(text.contains("does not let this broker in"), "{text}");
    scene.config.user = Some("cassandra".into());
    scene.config.password = Some(Secret::new("wrong-password"));
    let text = sentence(scene.try_open(None).await);
    assert!(text.contains("does not let this broker in"), "{text}");
    assert!(!text.contains("wrong-password"));

    for statement in [
        "CREATE ROLE broker WITH PASSWORD = 'b' AND LOGIN = true",
        "GRANT SELECT ON ALL KEYSPACES TO broker",
    ] {
        node.cql(statement).await.unwrap();
    }
    scene.config.user = Some("broker".into());
    scene.config.password = Some(Secret::new("b"));
    let text = sentence(scene.try_open(None).await);
    // Somebody who may runs exactly what it says.
    let statements = text.split_once(":\nCREATE").map(|(_, rest)| format!("CREATE{rest}"));
    let statements = statements.unwrap_or_else(|| panic!("{text}"));
    for statement in statements.split(";\n").filter(|statement| !statement.trim().is_empty()) {
        node.cql(statement).await.unwrap();
    }
    node.cql(&format!("GRANT MODIFY ON KEYSPACE \"{}\" TO broker", scene.config.keyspace))
        .await
        .unwrap();
    let storage = scene.open(None).await.storage;
    insist(&storage, &[kept("s", 1)]).await;
    assert_eq!(ids(&storage, "s").await, [1]);
    storage.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_verified_in_full() {
    let (good, other) = (Authority::new(), Authority::new());
    let node = Cassandra::setup().tls(&good.issue(&["127.0.0.1"])).start().await;
    let mut scene = Scene::on(node.address());
    scene.config.times.start = Duration::from_secs(2);
    scene.config.tls = Tls::VerifyFull(Some(other.file()));
    let text = sentence(scene.try_open(None).await);
    assert!(text.contains("certificate"), "{text}");
    scene.config.tls = Tls::VerifyFull(Some("/none.pem".into()));
    assert!(sentence(scene.try_open(None).await).contains("/none.pem"));
    scene.config.tls = Tls::VerifyFull(Some(good.file()));
    scene.config.times.start = Duration::from_secs(60);
    let storage = scene.open(None).await.storage;
    insist(&storage, &[kept("s", 1)]).await;
    storage.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weak_settings_are_said() {
    let node = Cassandra::setup().commit_log(CommitLog::Periodic).start().await;
    let opened = Scene::on(node.address()).open(None).await;
    assert!(opened.warnings[0].contains("commitlog_sync"), "{:?}", opened.warnings);
    assert!(opened.warnings[1].contains("one replica"), "{:?}", opened.warnings);
    opened.storage.close().await.unwrap();
    let scene = Scene::shared();
    let opened = scene.open(None).await;
    assert!(opened.warnings[0].contains("one replica"), "{:?}", opened.warnings);
    assert_eq!(opened.warnings.len(), 1, "and no more: {:?}", opened.warnings);
    opened.storage.close().await.unwrap();
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_center_that_is_not_there_is_named() {
    let mut scene = Scene::shared();
    scene.config.datacenter = Some("elsewhere".into());
    let text = sentence(scene.try_open(None).await);
    assert!(text.contains("no data center elsewhere, but datacenter1"), "{text}");
    scene.config.datacenter = Some("datacenter1".into());
    scene.config.replication = Replication::Topology(vec![("datacenter1".into(), 1)]);
    let storage = scene.open(None).await.storage;
    insist(&storage, &[kept("s", 1)]).await;
    assert_eq!(ids(&storage, "s").await, [1]);
    storage.close().await.unwrap();
    scene.end().await;
}
