//! The store `local`: a segmented log on the local disk, swept by expiry.
//!
//! # Files
//! - `*.log`: segments. All subjects share one; the newest of generation 0 is the active one, which alone
//!   is written. A segment is a head (see `segment`) and records (see `record`). The records of a
//!   commit group stand together behind a group record, which says how far the file was synced before.
//! - `*.index`: where each message of a sealed segment is, sorted by subject and id (see `index`,
//!   `sorted`).
//! - `*.directory`: which segments hold a subject (see `directory`); made anew when missing.
//! - `*.subjects`: last ids of subjects whose segments are gone (see `subjects`).
//! - `lock`: held by the process that has the store open.
//!
//! A name that ends in `.new` was being written when a crash came; a start removes it.
//!
//! # Operation
//! Appends go to one writer thread, which takes whatever waits, writes it at once and syncs once: as many
//! appends as came during one sync share the next. Only what is synced enters the index, so nothing that
//! a crash could take back is ever read. A full segment, or one in which little lives, is sealed by the
//! upkeep thread, which also gives space back: segments in which nothing lives are unlinked, mostly dead
//! ones are copied forward.
//!
//! Memory holds the index of the active segment (and of those that are being sealed, which cost at most
//! as much as two of the largest), a summary of
//! each sealed one, and the purges of which a segment still holds something; it does not grow with what is
//! stored.
//!
//! # Failures
//! No room refuses appends until there is room again. Any other failure of a write or a sync closes the
//! store to writing for good: what the disk holds is not known then.

mod catalog;
mod config;
mod counted;
mod directory;
pub mod disk;
mod files;
mod forgetting;
mod gate;
mod healing;
mod inbox;
mod index;
mod job;
mod listing;
mod lookups;
mod merging;
mod page;
mod probe;
mod purges;
mod reading;
mod record;
mod recovery;
mod scan;
mod segment;
mod sorted;
mod subjects;
mod sweep;
mod upkeep;
mod writer;

pub use config::{LocalConfig, LocalOpenError};
pub(crate) use probe::probe;
pub use recovery::Recovery;

use crate::{Activity, DiskSpace, Inspect, Segments, Vitals};
use broker_core::{
    AppendError, Appended, Durability, IdRange, Message, MessageId, Page, ReadError, Reclaimed,
    Repeats, Storage, StorageFuture, Stored, Subject, SubjectSummary, Tally, Timestamp, Usage,
    Writable, trace::note,
};
use catalog::Catalog;
use counted::Counted;
use disk::{Disk, RealDisk};
use gate::{Gate, GateLimits};
use inbox::{Inbox, Senders};
use lookups::Lookups;
use recovery::{Recovered, recover};
use std::{
    collections::BTreeSet,
    future::ready,
    ops::Bound,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Instant,
};
use tracing::Span;

/// Messages on the local disk.
pub struct LocalStorage {
    catalog: Arc<Catalog>,
    gate: Arc<Gate>,
    inbox: Inbox,
    lookups: Lookups,
    threads: Vec<JoinHandle<()>>,
    activity: Arc<Activity>,
}

impl LocalStorage {
    /// Opens the store in the configured directory, or makes it there.
    ///
    /// # Errors
    /// One sentence; see [`LocalOpenError`].
    pub fn open(config: &LocalConfig) -> Result<(Self, Recovery), LocalOpenError> {
        let disk = RealDisk::open(&config.directory).map_err(|error| config.cannot_open(error))?;
        let disk = Counted::new(disk);
        let activity = disk.activity();
        let opened = Self::open_counted(Arc::new(disk), config, activity);
        opened.map_err(|error| config.cannot_open(error))
    }

    /// What the store asks of the disk; nothing is counted on a disk of [`LocalStorage::open_on`].
    #[must_use]
    pub fn activity(&self) -> Arc<Activity> {
        self.activity.clone()
    }

    /// Opens a store on any disk; the directory of the configuration is not looked at.
    ///
    /// # Errors
    /// The disk's word, or what is wrong with what is on it.
    pub fn open_on(disk: Arc<dyn Disk>, config: &LocalConfig) -> std::io::Result<(Self, Recovery)> {
        Self::open_counted(disk, config, Arc::default())
    }

    fn open_counted(
        disk: Arc<dyn Disk>,
        config: &LocalConfig,
        activity: Arc<Activity>,
    ) -> std::io::Result<(Self, Recovery)> {
        let began = Instant::now();
        let reserve = config.reserve(disk.as_ref())?;
        let recovered = recover(disk)?;
        let Recovered { catalog, mut recovery, end, kept_time, next, subjects_version } = recovered;
        let limits =
            GateLimits { queue_bytes: config.queue_bytes, reserve, max_bytes: config.max_bytes };
        let gate = Arc::new(Gate::new(limits, kept_time, next, subjects_version));
        let catalog = Arc::new(catalog);
        let (senders, threads) = start(&catalog, &gate, config, end, &activity)?;
        recovery.took = began.elapsed();
        let inbox = Inbox::new(gate.clone(), senders);
        let lookups = Lookups::new(catalog.clone());
        Ok((Self { catalog, gate, inbox, lookups, threads, activity }, recovery))
    }

    /// Reads on a thread where waiting for the disk holds nobody up.
    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Catalog) -> Result<T, ReadError> + Send + 'static,
    ) -> StorageFuture<Result<T, ReadError>> {
        let catalog = self.catalog.clone();
        let reading = tokio::task::spawn_blocking(move || read(&catalog));
        Box::pin(async move {
            reading.await.unwrap_or_else(|error| Err(ReadError::Failed(error.to_string())))
        })
    }
}

fn start(
    catalog: &Arc<Catalog>,
    gate: &Arc<Gate>,
    config: &LocalConfig,
    end: u64,
    activity: &Arc<Activity>,
) -> std::io::Result<(Senders, Vec<JoinHandle<()>>)> {
    let (writer, writer_jobs) = mpsc::channel();
    let (upkeep, upkeep_jobs) = mpsc::channel();
    let active = catalog.view().active;
    catalog.set_upkeep(upkeep.clone());
    let writing = writer::Writer {
        catalog: catalog.clone(),
        gate: gate.clone(),
        upkeep: upkeep.clone(),
        active,
        end,
        allocated: end,
        filled: end,
        segment_bytes: config.segment_bytes,
        chunk: config.chunk(),
        buffer: Vec::new(),
        activity: activity.clone(),
    };
    let keeping = upkeep::Upkeep {
        catalog: catalog.clone(),
        gate: gate.clone(),
        writer: writer.clone(),
        stuck: Vec::new(),
        to_recount: BTreeSet::new(),
        forgetting: forgetting::Forgetting::default(),
        dead: BTreeSet::new(),
        sparse: BTreeSet::new(),
        unsweepable: BTreeSet::new(),
        said: Repeats::default(),
        waited: 0,
        uncounted: 0,
        activity: activity.clone(),
    };
    let threads = vec![
        thread::Builder::new()
            .name("local-writer".into())
            .spawn(move || writing.run(&writer_jobs))?,
        thread::Builder::new()
            .name("local-upkeep".into())
            .spawn(move || keeping.run(&upkeep_jobs))?,
    ];
    Ok((Senders { writer, upkeep }, threads))
}

/// An answer that is there at once.
fn answer<T: Send + 'static>(value: T) -> StorageFuture<T> {
    Box::pin(ready(value))
}

impl Drop for LocalStorage {
    fn drop(&mut self) {
        self.gate.let_go();
        self.inbox.stop();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Inspect for LocalStorage {
    fn vitals(&self) -> Vitals {
        let view = self.catalog.view();
        let unsealed: u64 = view.unsealed().map(|segment| segment.file.length().unwrap_or(0)).sum();
        let limits = self.gate.limits();
        let bytes = view.sealed_bytes() + unsealed;
        let mut usage =
            vec![Usage::new("local queue bytes", self.gate.queued(), limits.queue_bytes)];
        let bounded = |most| Usage { limit: "local store bytes", used: bytes, most };
        usage.extend(limits.max_bytes.map(bounded));
        let disk = self.catalog.files.disk().space().ok();
        Vitals {
            bytes: Some(bytes),
            segments: Some(Segments { sealing: view.sealing.len(), sealed: view.sealed.len() }),
            disk: disk.map(|(free, size)| DiskSpace { free, size, reserve: limits.reserve }),
            usage,
            ..Vitals::default()
        }
    }
}

impl Storage for LocalStorage {
    fn append(
        &self,
        batch: Vec<Arc<Message>>,
    ) -> StorageFuture<Result<Vec<Appended>, AppendError>> {
        let span = Span::current();
        note(&span, "queued");
        self.inbox.ask(|reply| job::Job::Append { batch, span, reply })
    }

    /// Read where it is called: a few positioned reads, mostly from the page cache, cost less than
    /// handing them to another thread.
    fn fetch(
        &self,
        subject: &Subject,
        id: MessageId,
    ) -> StorageFuture<Result<Option<Arc<Message>>, ReadError>> {
        answer(match self.catalog.fetch(subject, id) {
            Ok(Some(Stored::Message(message))) => Ok(Some(message)),
            Ok(Some(Stored::Damaged(id))) => Err(ReadError::Damaged(id)),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        })
    }

    fn read_after(
        &self,
        subject: &Subject,
        after: MessageId,
        limit: usize,
    ) -> StorageFuture<Result<Page, ReadError>> {
        let subject = subject.clone();
        self.read(move |catalog| catalog.page(&subject, after, limit))
    }

    fn last_id(&self, subject: &Subject) -> StorageFuture<Result<MessageId, ReadError>> {
        // Asked by the one who numbers messages: the disk must not hold him up.
        if self.catalog.is_all_in_memory() {
            return answer(self.catalog.last_id(subject));
        }
        self.lookups.last_id(subject.clone())
    }

    fn subjects(
        &self,
        from: Bound<&Subject>,
        limit: usize,
    ) -> StorageFuture<Result<Vec<SubjectSummary>, ReadError>> {
        let from = from.cloned();
        self.read(move |catalog| catalog.subjects(from.as_ref(), limit))
    }

    fn tally(
        &self,
        ranges: Vec<IdRange>,
        now: Timestamp,
    ) -> StorageFuture<Result<Vec<Tally>, ReadError>> {
        self.read(move |catalog| catalog.tally(&ranges, now))
    }

    fn purge(&self, subject: &Subject, up_to: MessageId) -> StorageFuture<Result<(), AppendError>> {
        let (catalog, inbox, subject) = (self.catalog.clone(), self.inbox.clone(), subject.clone());
        let begin = move || {
            // Only what was kept can be removed: ids that come later are not.
            let up_to = match catalog.last_id(&subject) {
                Ok(last) => up_to.min(last),
                Err(error) => return answer(Err(AppendError::Unavailable(error.to_string()))),
            };
            if up_to.is_none() {
                return answer(Ok(()));
            }
            inbox.ask(|reply| job::Job::Purge { subject, up_to, reply })
        };
        if self.catalog.is_all_in_memory() {
            return begin();
        }
        // Asked by the one who numbers messages, as `last_id` is.
        let begun = tokio::task::spawn_blocking(begin);
        Box::pin(async move {
            match begun.await {
                Ok(purged) => purged.await,
                Err(error) => Err(AppendError::Unavailable(error.to_string())),
            }
        })
    }

    fn reclaim(&self, now: Timestamp) -> StorageFuture<Result<Reclaimed, ReadError>> {
        self.inbox.reclaim(now)
    }

    fn keep_time(&self, now: Timestamp) -> StorageFuture<Result<(), AppendError>> {
        if now <= self.gate.kept_time() {
            return answer(Ok(()));
        }
        self.inbox.ask(|reply| job::Job::KeepTime { now, reply })
    }

    fn kept_time(&self) -> Timestamp {
        self.gate.kept_time()
    }

    fn durability(&self) -> Durability {
        Durability::Disk
    }

    fn writable(&self) -> Writable {
        self.gate.writable()
    }

    fn is_owner(&self) -> bool {
        true
    }

    fn fenced(&self) -> StorageFuture<String> {
        Box::pin(std::future::pending())
    }

    fn close(&self) -> StorageFuture<Result<(), ReadError>> {
        let closed = self.inbox.ask(|reply| job::Job::Close { reply });
        Box::pin(async move {
            closed.await.map_err(|error: AppendError| ReadError::Failed(error.to_string()))
        })
    }
}
