//! The store in Cassandra over three nodes, of which one may be gone: `cargo xtask test cluster`.

mod support;

use broker_core::{AppendError, Appended, MessageId, Storage};
use broker_storage::{
    CassandraConfig, DatabaseTimes, NoOpenObserver, Replication, StorageConfig, open,
};
use broker_test_servers::cassandra::Cluster;
use std::{sync::Arc, time::Duration};
use support::kept;
use tokio::time::timeout;

/// Long enough for anything on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

async fn store(cluster: &Cluster) -> Arc<dyn Storage> {
    let config = CassandraConfig {
        hosts: cluster.addresses().map(|address| address.to_string()).to_vec(),
        replication: Replication::Simple(3),
        times: DatabaseTimes { lease: Duration::from_secs(2), ..DatabaseTimes::default() },
        ..CassandraConfig::default()
    };
    open(StorageConfig::Cassandra(config), &NoOpenObserver).await.unwrap().storage
}

/// Appends a message until it is known to be kept, as the core does.
async fn keep(storage: &dyn Storage, id: u64) {
    loop {
        match storage.append(vec![kept("s", id)]).await {
            Ok(words) if words == [Appended::Stored] => return,
            Ok(words) => assert!(!matches!(words[0], Appended::Refused(_)), "{words:?}"),
            Err(AppendError::Unknown(_) | AppendError::Unavailable(_)) => {}
            Err(error) => panic!("{error}"),
        }
        tokio::task::yield_now().await;
    }
}

async fn keep_all(storage: &dyn Storage, ids: std::ops::RangeInclusive<u64>) {
    let all = async {
        for id in ids {
            keep(storage, id).await;
        }
    };
    timeout(LIMIT, all).await.expect("two of three nodes keep messages");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_is_there_whichever_node_is_killed() {
    let mut cluster = Cluster::start().await;
    let storage = store(&cluster).await;
    let mut last = 0;
    for at in 0..3 {
        let (first, end) = (last + 1, last + 300);
        let load = tokio::spawn({
            let storage = storage.clone();
            async move { keep_all(&*storage, first..=end).await }
        });
        let is_under_way = async {
            while storage.last_id(&support::subject("s")).await.unwrap() < MessageId(first) {}
        };
        timeout(LIMIT, is_under_way).await.expect("the load is under way");
        cluster.node(at).kill();
        load.await.unwrap();
        last = end;
        let ids = ids(&*storage).await;
        assert!(ids.into_iter().eq(1..=last), "with node {at} gone");
        cluster.node(at).restart().await;
    }
    storage.close().await.unwrap();
    drop(storage);
    let storage = store(&cluster).await;
    assert!(ids(&*storage).await.into_iter().eq(1..=last));
}

/// All ids, page by page; a read that fails while a node goes is repeated.
async fn ids(storage: &dyn Storage) -> Vec<u64> {
    let subject = support::subject("s");
    let (mut ids, mut after) = (Vec::new(), MessageId::NONE);
    let all = async {
        loop {
            let Ok(page) = storage.read_after(&subject, after, 64 * 1024).await else { continue };
            ids.extend(page.messages.iter().map(|stored| stored.id().0));
            let Some(next) = page.next else { return };
            after = next;
        }
    };
    timeout(LIMIT, all).await.expect("two of three nodes are read");
    ids
}
