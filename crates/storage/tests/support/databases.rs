//! The stores over databases: each in a schema or keyspace of its own on the servers that all tests of a
//! run share, behind a network that can be cut.

use super::stores::{Restart, StoreUnderTest, alone, drop_in_time};
use broker_core::Storage;
use broker_storage::{
    CassandraConfig, DatabaseTimes, NoOpenObserver, PostgresConfig, StorageConfig, open,
};
use broker_test_servers::{Proxy, shared};
use std::{
    net::SocketAddr,
    process,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::runtime::{Builder, Runtime};

/// So short a lease that a start after a crash need not wait for long, and long enough to be given back on a
/// busy machine.
const TIMES: DatabaseTimes = DatabaseTimes {
    start: Duration::from_secs(30),
    connect: Duration::from_secs(5),
    statement: Duration::from_secs(10),
    unavailable: Duration::from_secs(5),
    lease: Duration::from_secs(2),
};

/// What differs between databases.
pub trait Kind: Send + Sync + 'static {
    /// Where the shared server is.
    fn server() -> SocketAddr;

    /// The settings of a store behind that address with all it has under that name.
    fn config(address: SocketAddr, name: &str) -> StorageConfig;

    /// Drops all that is under that name.
    fn clear(name: &str) -> impl Future<Output = ()> + Send;
}

/// Of the store in PostgreSQL.
pub struct InPostgres;

impl Kind for InPostgres {
    fn server() -> SocketAddr {
        shared::postgres()
    }

    fn config(address: SocketAddr, name: &str) -> StorageConfig {
        StorageConfig::Postgres(PostgresConfig {
            host: address.ip().to_string(),
            port: address.port(),
            database: "postgres".into(),
            user: "postgres".into(),
            schema: name.into(),
            times: TIMES,
            ..PostgresConfig::default()
        })
    }

    async fn clear(name: &str) {
        shared::sql(&format!("DROP SCHEMA IF EXISTS \"{name}\" CASCADE")).await;
    }
}

/// Of the store in PostgreSQL whose tables of messages end so soon that every case sees them go.
pub struct InPostgresPieces;

impl Kind for InPostgresPieces {
    fn server() -> SocketAddr {
        shared::postgres()
    }

    fn config(address: SocketAddr, name: &str) -> StorageConfig {
        let StorageConfig::Postgres(config) = InPostgres::config(address, name) else {
            unreachable!("it is a store in PostgreSQL")
        };
        let shortest_bucket = Duration::from_nanos(2);
        StorageConfig::Postgres(PostgresConfig { shortest_bucket, ..config })
    }

    async fn clear(name: &str) {
        InPostgres::clear(name).await;
    }
}

/// Of the store in Cassandra.
pub struct InCassandra;

impl Kind for InCassandra {
    fn server() -> SocketAddr {
        shared::cassandra()
    }

    fn config(address: SocketAddr, name: &str) -> StorageConfig {
        StorageConfig::Cassandra(CassandraConfig {
            hosts: vec![address.to_string()],
            keyspace: name.into(),
            times: TIMES,
            ..CassandraConfig::default()
        })
    }

    async fn clear(name: &str) {
        shared::cql(&format!("DROP KEYSPACE IF EXISTS \"{name}\"")).await;
    }
}

/// The store in PostgreSQL.
pub type Postgres = Database<InPostgres>;

/// The store in PostgreSQL, in small pieces.
pub type PostgresPieces = Database<InPostgresPieces>;

/// The store in Cassandra.
pub type Cassandra = Database<InCassandra>;

/// A store in a database.
pub struct Database<K: Kind> {
    storage: Option<Arc<dyn Storage>>,
    proxy: Arc<Proxy>,
    is_frozen: bool,
    name: String,
    kind: std::marker::PhantomData<K>,
}

impl<K: Kind> Database<K> {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("case_{}_{number}", process::id());
        let (storage, proxy) = (None, proxy::<K>());
        let mut database =
            Self { storage, proxy, is_frozen: false, name, kind: std::marker::PhantomData };
        database.start();
        database
    }

    fn start(&mut self) {
        let config = K::config(self.proxy.address(), &self.name);
        let opened = wait(async move { open(config, &NoOpenObserver).await });
        self.storage = Some(opened.unwrap().storage);
    }
}

impl<K: Kind> StoreUnderTest for Database<K> {
    fn storage(&self) -> Arc<dyn Storage> {
        self.storage.clone().unwrap()
    }

    fn restart(&mut self, how: Restart) {
        if how == Restart::Crash {
            self.freeze();
        }
        drop_in_time(alone(self.storage.take().unwrap()));
        if self.is_frozen {
            self.proxy = proxy::<K>();
            self.is_frozen = false;
        }
        self.start();
    }

    /// The network is cut: what a killed process no longer sends, the database does not get.
    fn freeze(&mut self) {
        self.is_frozen = true;
        let proxy = self.proxy.clone();
        wait(async move { proxy.go_away().await });
    }

    fn survives_restart(&self) -> bool {
        true
    }
}

impl<K: Kind> Drop for Database<K> {
    fn drop(&mut self) {
        drop(self.storage.take());
        self.freeze();
        let name = self.name.clone();
        wait(async move { K::clear(&name).await });
    }
}

fn proxy<K: Kind>() -> Arc<Proxy> {
    wait(async { Arc::new(Proxy::before(K::server()).await) })
}

/// Waits for what the stores' runtime does, wherever it is called.
fn wait<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    /// One for all stores: what a store does in the background outlives the test's calls.
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    });
    // A thread of its own: that of a test may not wait for a runtime inside its own.
    thread::spawn(|| RUNTIME.block_on(work)).join().expect("it comes to its end")
}
