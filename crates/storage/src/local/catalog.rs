//! What readers see: the segments that are written, those that are sealed, and the ways to find in them.
//!
//! One lock guards the list; it is held to take or change the list, never while a file is read.

use super::{
    directory::Directory,
    disk::DiskFile,
    files::Files,
    index::Index,
    purges::Purges,
    record,
    segment::{Summary, index_name, log_name},
    sorted::SortedFile,
    upkeep,
};
use broker_core::Subject;
use parking_lot::RwLock;
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, OnceLock, mpsc},
};

/// A segment whose index is in memory: the active one, or one that is being sealed.
pub struct Unsealed {
    pub number: u64,
    pub file: Arc<dyn DiskFile>,
    /// Only what is synced is in it: nothing past that is ever read.
    pub index: RwLock<Index>,
}

/// A segment with its index in a file.
pub struct Sealed {
    pub number: u64,
    pub index: SortedFile,
    pub summary: Summary,
}

impl Sealed {
    /// Opens a sealed segment's index.
    pub fn open(files: &Files, number: u64) -> io::Result<Self> {
        let index = SortedFile::open(files, &index_name(number), number)?;
        let summary = Summary::decode(&index.note)?;
        Ok(Self { number, index, summary })
    }

    /// Bytes it takes on disk.
    pub fn bytes(&self) -> u64 {
        self.summary.end + self.index.length()
    }

    pub fn log(&self, files: &Files) -> io::Result<Arc<dyn DiskFile>> {
        files.get(&log_name(self.number))
    }
}

/// The list at one moment. Cheap to clone.
#[derive(Clone)]
pub struct View {
    pub active: Arc<Unsealed>,
    /// Oldest first.
    pub sealing: Vec<Arc<Unsealed>>,
    pub sealed: Arc<BTreeMap<u64, Arc<Sealed>>>,
    pub directory: Directory,
    /// Last ids of subjects whose segments are gone.
    pub subjects: Option<Arc<SortedFile>>,
    /// Up to which id messages are removed. Added to in place, never removed from.
    pub purges: Arc<Purges>,
}

impl View {
    /// The segments with indexes in memory, newest first.
    pub fn unsealed(&self) -> impl Iterator<Item = &Arc<Unsealed>> {
        std::iter::once(&self.active).chain(self.sealing.iter().rev())
    }

    /// Bytes of the files of sealed segments.
    pub fn sealed_bytes(&self) -> u64 {
        self.sealed.values().map(|segment| segment.bytes()).sum()
    }

    pub fn purged(&self, subject: &Subject) -> u64 {
        self.purges.up_to(subject.as_str())
    }

    /// The highest id of a subject in any segment or in the `subjects` file, 0 for none.
    pub fn last_id(&self, files: &Files, subject: &Subject) -> io::Result<u64> {
        let mut last = 0;
        for segment in self.unsealed() {
            let index = segment.index.read();
            last = last.max(index.entries(subject).last().map_or(0, |entry| entry.id));
        }
        last = last.max(self.directory.last_id(files, subject.as_bytes())?);
        if let Some(subjects) = &self.subjects
            && let Some(value) = subjects.get(files, subject.as_bytes())?
        {
            last = last.max(record::u64_at(&value, 0));
        }
        Ok(last)
    }
}

/// The list and the files behind it.
pub struct Catalog {
    pub files: Files,
    view: RwLock<View>,
    /// Who makes damaged files anew, once it is there.
    upkeep: OnceLock<mpsc::Sender<upkeep::Job>>,
}

impl Catalog {
    pub fn new(files: Files, view: View) -> Self {
        Self { files, view: RwLock::new(view), upkeep: OnceLock::new() }
    }

    /// Says who makes damaged files anew.
    pub fn set_upkeep(&self, upkeep: mpsc::Sender<upkeep::Job>) {
        // Set once, when the store starts.
        let _ = self.upkeep.set(upkeep);
    }

    /// Has a damaged sorted file made anew and waits for it; whether that went well.
    pub fn heal(&self, name: String) -> bool {
        let Some(upkeep) = self.upkeep.get() else { return false };
        let (reply, healed) = mpsc::channel();
        upkeep.send(upkeep::Job::Heal { name, reply }).is_ok() && healed.recv().unwrap_or(false)
    }

    pub fn view(&self) -> View {
        self.view.read().clone()
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut View) -> T) -> T {
        change(&mut self.view.write())
    }
}
