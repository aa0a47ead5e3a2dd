//! A keyspace of a test's own, and brokers that open it.

use crate::support::subject;
use broker_core::{AppendError, Appended, Message, MessageId, Storage};
use broker_storage::{
    CassandraConfig, DatabaseTimes, NoOpenObserver, OpenError, Opened, StorageConfig, open,
};
use broker_test_servers::{Proxy, shared};
use std::{
    net::SocketAddr,
    process,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// Times of a broker in a test.
pub const TIMES: DatabaseTimes = DatabaseTimes {
    start: Duration::from_secs(60),
    connect: Duration::from_secs(5),
    statement: Duration::from_secs(5),
    unavailable: Duration::from_secs(1),
    lease: Duration::from_secs(1),
};

/// A keyspace on a server.
pub struct Scene {
    pub config: CassandraConfig,
    server: SocketAddr,
}

impl Scene {
    /// On the server that all tests share.
    pub fn shared() -> Self {
        Self::on(shared::cassandra())
    }

    /// On a server of the test's own.
    pub fn on(server: SocketAddr) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let config = CassandraConfig {
            hosts: vec![server.to_string()],
            keyspace: format!("own_{}_{number}", process::id()),
            times: TIMES,
            ..CassandraConfig::default()
        };
        Self { config, server }
    }

    /// A stretch of network before the server, for one broker.
    pub async fn network(&self) -> Proxy {
        Proxy::before(self.server).await
    }

    /// Opens the store, on the straight way or by a proxy.
    pub async fn open(&self, by: Option<&Proxy>) -> Opened {
        self.try_open(by).await.unwrap()
    }

    pub async fn try_open(&self, by: Option<&Proxy>) -> Result<Opened, OpenError> {
        let mut config = self.config.clone();
        if let Some(proxy) = by {
            config.hosts = vec![proxy.address().to_string()];
        }
        open(StorageConfig::Cassandra(config), &NoOpenObserver).await
    }

    /// Drops the keyspace.
    pub async fn end(self) {
        let name = &self.config.keyspace;
        let text = format!("DROP KEYSPACE IF EXISTS \"{name}\"");
        broker_test_servers::cassandra::run(self.server, &text).await.unwrap();
    }
}

/// The ids of all messages of a subject.
pub async fn ids(storage: &Arc<dyn Storage>, name: &str) -> Vec<u64> {
    let (mut ids, mut after) = (Vec::new(), MessageId::NONE);
    loop {
        let page = storage.read_after(&subject(name), after, 64 * 1024).await.unwrap();
        ids.extend(page.messages.iter().map(|stored| stored.id().0));
        let Some(next) = page.next else { return ids };
        after = next;
    }
}

/// Appends until it is known that all of it is stored, as a broker does. How often that was not known.
pub async fn insist(storage: &Arc<dyn Storage>, batch: &[Arc<Message>]) -> usize {
    let mut left = batch.to_vec();
    let mut tries = 0;
    loop {
        match storage.append(left.clone()).await {
            Ok(words) => {
                let mut words = words.iter();
                left.retain(|_| match words.next().unwrap() {
                    Appended::Stored => false,
                    Appended::Unknown(_) | Appended::Unavailable(_) => true,
                    Appended::Refused(why) => panic!("{why}"),
                });
                if left.is_empty() {
                    return tries;
                }
            }
            Err(AppendError::Unknown(_) | AppendError::Unavailable(_)) => {}
            Err(error) => panic!("{error}"),
        }
        tries += 1;
        tokio::task::yield_now().await;
    }
}
