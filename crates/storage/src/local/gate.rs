//! What the store's threads and callers know of each other: whether writes are taken, the time that is
//! kept, the numbers given.

use super::disk::Disk;
use broker_core::{Timestamp, Writable};
use parking_lot::{Condvar, Mutex};
use std::{
    io,
    sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering},
};

/// Shared by the store, its writer and its upkeep.
pub struct Gate {
    closed: Mutex<Option<String>>,
    /// The bound that was reached.
    full: Mutex<Option<&'static str>>,
    kept_time: AtomicI64,
    next_segment: AtomicU64,
    next_run: AtomicU64,
    subjects_version: AtomicU64,
    queued: AtomicUsize,
    sealing: Mutex<Sealing>,
    sealed: Condvar,
    limits: GateLimits,
}

/// The bounds the gate watches.
#[derive(Debug, Clone, Copy)]
pub struct GateLimits {
    /// Bytes of appends that wait for the writer.
    pub queue_bytes: usize,
    /// Bytes of the disk that are left free for sweeping.
    pub reserve: u64,
    /// Bytes the store may take.
    pub max_bytes: Option<u64>,
}

/// A bound of the store's own that was reached; its name.
#[derive(Debug, thiserror::Error)]
#[error("{0} reached")]
struct Reached(&'static str);

/// The name of the bound that an error of a full disk speaks of.
pub fn reached(error: &io::Error) -> &'static str {
    let bound = error.get_ref().and_then(|inner| inner.downcast_ref::<Reached>());
    bound.map_or("disk space", |reached| reached.0)
}

/// The numbers to be given next.
#[derive(Debug, Clone, Copy)]
pub struct Next {
    pub segment: u64,
    pub run: u64,
}

#[derive(Default)]
struct Sealing {
    /// A segment could not be sealed for want of room.
    is_stuck: bool,
}

impl Gate {
    pub fn new(limits: GateLimits, kept_time: i64, next: Next, subjects_version: u64) -> Self {
        Self {
            closed: Mutex::new(None),
            full: Mutex::new(None),
            kept_time: AtomicI64::new(kept_time),
            next_segment: AtomicU64::new(next.segment),
            next_run: AtomicU64::new(next.run),
            subjects_version: AtomicU64::new(subjects_version),
            queued: AtomicUsize::new(0),
            sealing: Mutex::default(),
            sealed: Condvar::new(),
            limits,
        }
    }

    pub fn limits(&self) -> GateLimits {
        self.limits
    }

    /// Bytes of appends that wait for the writer.
    pub fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Why no write is taken any more.
    pub fn refusal(&self) -> Option<String> {
        self.closed.lock().clone()
    }

    /// Takes no write from here on; the first reason stays.
    pub fn close(&self, why: &str) {
        self.closed.lock().get_or_insert_with(|| why.to_owned());
        self.sealed.notify_all();
    }

    /// Notes which bound refuses appends.
    pub fn set_full(&self, bound: Option<&'static str>) {
        *self.full.lock() = bound;
    }

    pub fn is_full(&self) -> bool {
        self.full.lock().is_some()
    }

    pub fn writable(&self) -> Writable {
        if let Some(why) = self.refusal() {
            return Writable::Closed(why);
        }
        self.full.lock().map_or(Writable::Yes, Writable::Full)
    }

    pub fn kept_time(&self) -> Timestamp {
        Timestamp(self.kept_time.load(Ordering::Acquire))
    }

    /// Notes a time that is synced.
    pub fn keep_time(&self, time: Timestamp) {
        self.kept_time.fetch_max(time.0, Ordering::AcqRel);
    }

    /// The number of a new segment.
    pub fn next_segment(&self) -> u64 {
        self.next_segment.fetch_add(1, Ordering::Relaxed)
    }

    /// The number of a new run of the directory. Apart from those of segments, so that the segments a
    /// run speaks of are mostly one range.
    pub fn next_run(&self) -> u64 {
        self.next_run.fetch_add(1, Ordering::Relaxed)
    }

    pub fn subjects_version(&self) -> u64 {
        self.subjects_version.load(Ordering::Acquire)
    }

    pub fn set_subjects_version(&self, version: u64) {
        self.subjects_version.store(version, Ordering::Release);
    }

    /// Counts an append in; `false` when the queue has no room for it.
    pub fn enqueue(&self, bytes: usize) -> bool {
        let queued = self.queued.fetch_add(bytes, Ordering::Relaxed);
        // An append alone always has room.
        if queued > 0 && queued + bytes > self.limits.queue_bytes {
            self.queued.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        true
    }

    pub fn dequeued(&self, bytes: usize) {
        self.queued.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether so many bytes more may be allocated.
    pub fn check_room(&self, disk: &dyn Disk, more: u64, store: u64) -> io::Result<()> {
        let full = |bound| Err(io::Error::new(io::ErrorKind::StorageFull, Reached(bound)));
        if self.limits.max_bytes.is_some_and(|most| store + more > most) {
            return full("local store bytes");
        }
        let (free, _) = disk.space()?;
        if free < more.saturating_add(self.limits.reserve) {
            return full("disk reserve");
        }
        Ok(())
    }

    /// Waits until a segment may be sealed; an error when that cannot be for want of room.
    pub fn wait_for_sealing(&self, is_free: impl Fn() -> bool) -> io::Result<()> {
        let mut sealing = self.sealing.lock();
        while !is_free() {
            if sealing.is_stuck || self.refusal().is_some() {
                // Sealing needs room, too.
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.sealed.wait(&mut sealing);
        }
        Ok(())
    }

    /// The store is being let go: a writer that waits for room ends.
    pub fn let_go(&self) {
        self.sealing.lock().is_stuck = true;
        self.sealed.notify_all();
    }

    /// Tells the writer how sealing goes.
    pub fn sealing_went(&self, is_stuck: bool) {
        self.sealing.lock().is_stuck = is_stuck;
        self.sealed.notify_all();
    }
}
