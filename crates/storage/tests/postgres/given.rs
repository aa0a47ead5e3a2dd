//! Stores with settings of their own, and what a broker does with them.

use crate::support::{kept, subject};
use broker_core::{AppendError, Appended, Message, MessageId, Storage, Stored};
use broker_storage::{
    DatabaseTimes, NoOpenObserver, OpenError, OpenObserver, Opened, PostgresConfig, StorageConfig,
    open,
};
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// Times that fit tests: what hangs is soon told.
pub const TIMES: DatabaseTimes = DatabaseTimes {
    start: Duration::from_secs(30),
    connect: Duration::from_secs(2),
    statement: Duration::from_secs(2),
    unavailable: Duration::from_secs(1),
    lease: Duration::from_secs(4),
};

/// The settings of a store in the schema `given` of that server.
pub fn config(address: SocketAddr) -> PostgresConfig {
    PostgresConfig {
        host: address.ip().to_string(),
        port: address.port(),
        database: "postgres".into(),
        user: "postgres".into(),
        schema: "given".into(),
        times: TIMES,
        ..PostgresConfig::default()
    }
}

/// Opens a store, or says why not.
pub async fn try_open(config: PostgresConfig) -> Result<Opened, OpenError> {
    open(StorageConfig::Postgres(config), &NoOpenObserver).await
}

/// Opens a store.
pub async fn opened(config: PostgresConfig) -> Arc<dyn Storage> {
    try_open(config).await.unwrap().storage
}

/// Opens a store that tells its way.
pub async fn watched(
    config: PostgresConfig,
    observer: &dyn OpenObserver,
) -> Result<Opened, OpenError> {
    open(StorageConfig::Postgres(config), observer).await
}

/// The sentence with which a store does not open.
pub async fn refusal(config: PostgresConfig) -> String {
    try_open(config).await.unwrap_err().to_string()
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was acknowledged.
    Stored,
    /// It was said not to be kept, and never tried again.
    Lost,
}

/// Keeps a message as the core does: an unknown outcome is asked for again until it is known.
pub async fn publish(storage: &dyn Storage, message: Arc<Message>) -> Fate {
    let mut is_open = false;
    loop {
        match storage.append(vec![message.clone()]).await {
            Ok(words) if words == [Appended::Stored] => return Fate::Stored,
            Ok(words) => panic!("{words:?}"),
            Err(AppendError::Unknown(_)) => is_open = true,
            // It speaks of this try only.
            Err(AppendError::Unavailable(_) | AppendError::Full(_)) if is_open => {}
            Err(AppendError::Unavailable(_) | AppendError::Full(_)) => return Fate::Lost,
            Err(error) => panic!("{error}"),
        }
        tokio::task::yield_now().await;
    }
}

/// Publishes messages 1 to `last` to a subject, one after the other; the fate of each.
pub async fn publish_all(storage: Arc<dyn Storage>, name: String, last: u64) -> Vec<Fate> {
    let mut fates = Vec::new();
    for id in 1..=last {
        fates.push(publish(&*storage, kept(&name, id)).await);
    }
    fates
}

/// All of a subject, read again until the database answers.
pub async fn read_all(storage: &dyn Storage, name: &str) -> Vec<Arc<Message>> {
    let (mut all, mut after) = (Vec::new(), MessageId::NONE);
    loop {
        let Ok(page) = storage.read_after(&subject(name), after, 64 * 1024).await else { continue };
        all.extend(page.messages.into_iter().map(|stored| match stored {
            Stored::Message(message) => message,
            Stored::Damaged(id) => panic!("message {id} is damaged"),
        }));
        match page.next {
            Some(next) => after = next,
            None => return all,
        }
    }
}

/// What was acknowledged is there, what was lost is not, nothing is there twice.
pub async fn check(storage: &dyn Storage, name: &str, fates: &[Fate]) {
    let stored = (1..).zip(fates).filter(|(_, fate)| **fate == Fate::Stored);
    let expected: Vec<_> = stored.map(|(id, _)| kept(name, id)).collect();
    assert!(read_all(storage, name).await == expected, "{name}: what was acknowledged, once");
}
