//! The stores that are tested, and how each is ended and started again.

use super::files;
use broker_core::{Storage, SystemTime};
use broker_storage::{
    Faulty, LocalConfig, LocalStorage, MemoryConfig, MemoryStorage, Observed, StorageCall,
    StorageObserver,
    faulty::{NoFaults, Script, Seeded},
};
use std::{
    path::PathBuf,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// What takes longer than this never ends.
const LIMIT: Duration = Duration::from_secs(60);

/// How a store comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// It was closed.
    Clean,
    /// Its process was killed.
    Crash,
    /// It was dropped without being closed.
    LetGo,
}

/// A store, from its first start on.
pub trait StoreUnderTest: Send + Sync {
    /// The store as it stands. Whoever has it lets go of it before a restart.
    fn storage(&self) -> Arc<dyn Storage>;

    /// Starts the store again. Before [`Restart::Clean`] it was closed.
    fn restart(&mut self, how: Restart);

    /// Makes this the moment at which its process is killed: the next start finds what was there
    /// now, whatever is written until then.
    fn freeze(&mut self);

    /// Whether it keeps what it has over a restart.
    fn survives_restart(&self) -> bool;
}

/// The store in memory.
pub struct Memory(Arc<MemoryStorage>);

impl Memory {
    pub fn new() -> Self {
        Self(Arc::new(MemoryStorage::new(MemoryConfig::default())))
    }
}

impl StoreUnderTest for Memory {
    fn storage(&self) -> Arc<dyn Storage> {
        self.0.clone()
    }

    fn restart(&mut self, _: Restart) {
        *self = Self::new();
    }

    fn freeze(&mut self) {}

    fn survives_restart(&self) -> bool {
        false
    }
}

/// The store on the local disk, with segments so small that a case fills many.
pub struct Local {
    storage: Option<Arc<LocalStorage>>,
    config: LocalConfig,
    root: TempDir,
    crashes: u32,
    /// The files as they were when the process was killed.
    frozen: Option<PathBuf>,
}

impl Local {
    pub fn new() -> Self {
        let root = TempDir::new().unwrap();
        let config = LocalConfig {
            segment_bytes: 64 * 1024,
            // The cases need little room, and the disk of a test machine may have no more.
            reserve_bytes: Some(0),
            ..LocalConfig::new(root.path().join("store"))
        };
        let mut local = Self { storage: None, config, root, crashes: 0, frozen: None };
        local.start();
        local
    }

    fn start(&mut self) {
        let (storage, _) = LocalStorage::open(&self.config).unwrap();
        self.storage = Some(Arc::new(storage));
    }
}

impl StoreUnderTest for Local {
    fn storage(&self) -> Arc<dyn Storage> {
        self.storage.clone().unwrap()
    }

    fn restart(&mut self, how: Restart) {
        if how == Restart::Crash && self.frozen.is_none() {
            self.freeze();
        }
        let ended = alone(self.storage.take().unwrap());
        if how == Restart::Crash {
            drop(ended.close());
        }
        drop_in_time(ended);
        if let Some(frozen) = self.frozen.take() {
            self.config.directory = frozen;
        }
        self.start();
    }

    fn freeze(&mut self) {
        self.crashes += 1;
        let image = self.root.path().join(format!("after crash {}", self.crashes));
        files::copy_at_one_moment(&self.config.directory, &image);
        self.frozen = Some(image);
    }

    fn survives_restart(&self) -> bool {
        true
    }
}

/// Waits until nobody else holds a store: tasks that have just ended may for a moment.
pub fn alone<T: ?Sized>(storage: Arc<T>) -> Arc<T> {
    let began = Instant::now();
    while Arc::strong_count(&storage) > 1 {
        assert!(began.elapsed() < LIMIT, "nobody holds the store over a restart");
        thread::yield_now();
    }
    storage
}

/// Drops a store, which may wait for its threads, but not for ever.
pub fn drop_in_time(storage: Arc<impl Send + Sync + ?Sized + 'static>) {
    let (sender, dropped) = mpsc::channel();
    thread::spawn(move || {
        drop(storage);
        // Nobody listens when the limit has passed.
        let _ = sender.send(());
    });
    dropped.recv_timeout(LIMIT).expect("a store that is dropped comes to its end");
}

type Decorate = dyn Fn(Arc<dyn Storage>) -> Arc<dyn Storage> + Send + Sync;

/// A store with a decorator over it, which is made anew at every start.
pub struct Decorated<T> {
    inner: T,
    decorated: Option<Arc<dyn Storage>>,
    decorate: Box<Decorate>,
}

impl<T: StoreUnderTest> Decorated<T> {
    pub fn new(
        inner: T,
        decorate: impl Fn(Arc<dyn Storage>) -> Arc<dyn Storage> + Send + Sync + 'static,
    ) -> Self {
        let decorated = Some(decorate(inner.storage()));
        Self { inner, decorated, decorate: Box::new(decorate) }
    }
}

impl<T: StoreUnderTest> StoreUnderTest for Decorated<T> {
    fn storage(&self) -> Arc<dyn Storage> {
        self.decorated.clone().unwrap()
    }

    fn restart(&mut self, how: Restart) {
        self.decorated = None;
        self.inner.restart(how);
        self.decorated = Some((self.decorate)(self.inner.storage()));
    }

    fn freeze(&mut self) {
        self.inner.freeze();
    }

    fn survives_restart(&self) -> bool {
        self.inner.survives_restart()
    }
}

struct Deaf;

impl StorageObserver for Deaf {
    fn ended(&self, _: &StorageCall) {}
}

/// A store that is observed.
pub fn observed<T: StoreUnderTest>(inner: T) -> Decorated<T> {
    Decorated::new(inner, |storage| {
        Arc::new(Observed::new(storage, Arc::new(SystemTime), Arc::new(Deaf)))
    })
}

/// A store that could fail and does not.
pub fn faulty<T: StoreUnderTest>(inner: T) -> Decorated<T> {
    Decorated::new(inner, |storage| Arc::new(Faulty::new(storage, Arc::new(NoFaults))))
}

/// A store that fails as the script says.
pub fn scripted<T: StoreUnderTest>(inner: T, script: Arc<Script>) -> Decorated<T> {
    Decorated::new(inner, move |storage| Arc::new(Faulty::new(storage, script.clone())))
}

/// A store that fails by chance.
pub fn chance<T: StoreUnderTest>(inner: T, seeded: Arc<Seeded>) -> Decorated<T> {
    Decorated::new(inner, move |storage| Arc::new(Faulty::new(storage, seeded.clone())))
}
