//! The start of a store: what is there, what a crash left, and what is mended.

use super::{
    catalog::{Catalog, Sealed, Unsealed, View},
    directory::{Directory, Run},
    disk::{Disk, DiskFile},
    files::Files,
    gate::Next,
    purges::Purges,
    scan::{Scan, Writing, scan},
    segment::{HEAD, SegmentHead, Summary, begin_segment, index_name, log_name, number_of},
    sorted::{SortedFile, is_damage},
    subjects,
};
use broker_core::Subject;
use parking_lot::RwLock;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt, io,
    sync::Arc,
    time::Duration,
};

/// Places of damage that are named in one line of a log, or in lines that belong together.
pub const NAMED: usize = 20;

/// What a start found.
#[derive(Debug, Clone, Default)]
pub struct Recovery {
    /// Sealed segments.
    pub sealed: usize,
    /// Messages found in the segment that was being written.
    pub scanned: u64,
    /// Bytes of a write that a crash cut short.
    pub torn: u64,
    /// Indexes that were missing or damaged and are made anew.
    pub rebuilt: usize,
    /// Damage, in words.
    pub damage: Vec<String>,
    /// Subjects of which the file of subjects tells the last id: nothing else is kept of them, or of the
    /// segments that were given back.
    pub subjects: u64,
    /// Sealed segments of which every message had expired when the store was last used.
    pub expired: usize,
    /// The time it took.
    pub took: Duration,
}

impl Recovery {
    /// What a start reached, in the order in which it did: a sentence each, for the log.
    #[must_use]
    pub fn steps(&self) -> Vec<String> {
        let Self { sealed, scanned, rebuilt, subjects, expired, .. } = self;
        vec![
            format!(
                "index ready: {sealed} sealed segments have theirs in files ({rebuilt} made anew), that \
                 of the active one has {scanned} messages"
            ),
            format!(
                "last ids found: beside what the segments tell, those of {subjects} subjects in the \
                 file of subjects"
            ),
            match expired {
                0 => "expired messages dealt with: no segment holds nothing else".to_owned(),
                some => format!("expired messages dealt with: {some} segments are given back"),
            },
        ]
    }
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} sealed segments, {} messages in the active one, {} torn bytes cut, \
             {} indexes made anew, {} places damaged, in {:?}",
            self.sealed,
            self.scanned,
            self.torn,
            self.rebuilt,
            self.damage.len(),
            self.took
        )?;
        for (at, damage) in self.damage.iter().take(NAMED).enumerate() {
            write!(f, "{} {damage}", if at == 0 { ". Damage:" } else { ";" })?;
        }
        match self.damage.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// A store as it was found.
pub struct Recovered {
    pub catalog: Catalog,
    pub recovery: Recovery,
    /// Where the next record goes.
    pub end: u64,
    pub kept_time: i64,
    pub next: Next,
    pub subjects_version: u64,
}

/// What the names in the directory say.
#[derive(Default)]
struct Names {
    logs: BTreeSet<u64>,
    indexes: BTreeSet<u64>,
    runs: BTreeSet<u64>,
    subjects: BTreeSet<u64>,
}

/// Brings a directory into order.
pub fn recover(disk: Arc<dyn Disk>) -> io::Result<Recovered> {
    let files = Files::new(disk);
    let mut start = Start {
        names: names(&files)?,
        files,
        recovery: Recovery::default(),
        kept_time: i64::MIN,
        subjects_seen: 0,
    };
    let mut heads = start.heads()?;
    start.finish_sweeps(&mut heads)?;
    let active = heads.iter().filter(|(_, head)| head.generation == 0).map(|(n, _)| *n).max();
    let sealed = start.sealed(&heads, active)?;
    let subjects = start.subjects()?;
    let mut next = start.next();
    let directory = start.directory(&sealed, &mut next)?;
    let (active, end, purges) = start.active(active, &mut next)?;
    start.files.disk().sync_directory()?;
    start.recovery.sealed = sealed.len();
    start.recovery.subjects = subjects.as_ref().map_or(0, |file| file.entries);
    let is_dead = |segment: &&Arc<Sealed>| segment.summary.latest_expiry <= start.kept_time;
    start.recovery.expired = sealed.values().filter(is_dead).count();
    let view = View {
        active,
        sealing: Vec::new(),
        sealed: Arc::new(sealed),
        directory,
        subjects: subjects.map(Arc::new),
        purges: Arc::new(Purges::of(purges)),
    };
    Ok(Recovered {
        catalog: Catalog::new(start.files, view),
        recovery: start.recovery,
        end,
        kept_time: start.kept_time,
        next,
        subjects_version: start.subjects_seen,
    })
}

fn names(files: &Files) -> io::Result<Names> {
    let mut names = Names::default();
    for name in files.disk().list()? {
        if name.ends_with(".new") {
            // Written aside and never put in place.
            files.unlink(&name)?;
        } else if let Some(number) = number_of(&name, ".log") {
            names.logs.insert(number);
        } else if let Some(number) = number_of(&name, ".index") {
            names.indexes.insert(number);
        } else if let Some(number) = number_of(&name, ".directory") {
            names.runs.insert(number);
        } else if let Some(number) = number_of(&name, ".subjects") {
            names.subjects.insert(number);
        }
    }
    Ok(names)
}

struct Start {
    files: Files,
    names: Names,
    recovery: Recovery,
    kept_time: i64,
    /// The version of the `subjects` file that is known to have been in place.
    subjects_seen: u64,
}

impl Start {
    fn heads(&mut self) -> io::Result<BTreeMap<u64, SegmentHead>> {
        let mut heads = BTreeMap::new();
        for number in self.names.logs.clone() {
            let file = self.files.get(&log_name(number))?;
            let head = match SegmentHead::read(file.as_ref(), number) {
                Ok(head) => head,
                Err(error) if is_damage(&error) => {
                    if file.length()? <= HEAD && self.names.logs.last() == Some(&number) {
                        // It was being made when the crash came: nothing was ever written to it.
                        self.files.unlink(&log_name(number))?;
                        self.names.logs.remove(&number);
                        continue;
                    }
                    self.recovery.damage.push(error.to_string());
                    // Its records say by themselves that they belong to it.
                    let generation = u64::from(self.names.indexes.contains(&number));
                    SegmentHead { generation, time: i64::MIN, ..SegmentHead::default() }
                }
                Err(error) => return Err(error),
            };
            self.kept_time = self.kept_time.max(head.time);
            self.subjects_seen = self.subjects_seen.max(head.subjects_version);
            heads.insert(number, head);
        }
        Ok(heads)
    }

    /// Unlinks segments whose living messages were copied forward.
    fn finish_sweeps(&mut self, heads: &mut BTreeMap<u64, SegmentHead>) -> io::Result<()> {
        let replaced: BTreeSet<u64> =
            heads.values().flat_map(|head| head.replaces.iter().copied()).collect();
        for number in replaced.intersection(&self.names.logs.clone()) {
            self.files.unlink(&log_name(*number))?;
            self.names.logs.remove(number);
            heads.remove(number);
        }
        for number in self.names.indexes.difference(&self.names.logs) {
            self.files.unlink(&index_name(*number))?;
        }
        Ok(())
    }

    fn sealed(
        &mut self,
        heads: &BTreeMap<u64, SegmentHead>,
        active: Option<u64>,
    ) -> io::Result<BTreeMap<u64, Arc<Sealed>>> {
        let mut sealed = BTreeMap::new();
        for (number, head) in heads {
            if Some(*number) == active {
                continue;
            }
            let segment = match Sealed::open(&self.files, *number) {
                Ok(segment) => segment,
                Err(error) if is_damage(&error) || error.kind() == io::ErrorKind::NotFound => {
                    if self.names.indexes.contains(number) {
                        self.recovery.damage.push(error.to_string());
                    }
                    self.make_index(*number, head)?
                }
                Err(error) => return Err(error),
            };
            self.kept_time = self.kept_time.max(segment.summary.time);
            sealed.insert(*number, Arc::new(segment));
        }
        Ok(sealed)
    }

    fn make_index(&mut self, number: u64, head: &SegmentHead) -> io::Result<Sealed> {
        let file = self.files.get(&log_name(number))?;
        let scan = scan(file.as_ref(), number, Writing::Over)?;
        self.recovery.rebuilt += 1;
        self.recovery.damage.extend(scan.damage);
        let time = scan.time.max(head.time);
        let summary = Summary::of(&scan.index, time, scan.end, head.generation);
        scan.index.write(&self.files, number, &summary.encode())?;
        Sealed::open(&self.files, number)
    }

    fn subjects(&mut self) -> io::Result<Option<SortedFile>> {
        let newest = self.names.subjects.last().copied();
        if newest.unwrap_or(0) < self.subjects_seen {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the subjects file is missing: the ids of subjects without messages are not known, \
                 and none may be given twice",
            ));
        }
        let Some(version) = newest else { return Ok(None) };
        let file = subjects::open(&self.files, version)?;
        for old in self.names.subjects.iter().filter(|old| **old != version) {
            self.files.unlink(&subjects::subjects_name(*old))?;
        }
        if let Some(bytes) = file.note.get(..8) {
            self.kept_time = self.kept_time.max(super::record::u64_at(bytes, 0).cast_signed());
        }
        self.subjects_seen = version;
        Ok(Some(file))
    }

    fn next(&self) -> Next {
        let segments = [self.names.logs.last(), self.names.indexes.last()];
        let last = segments.into_iter().flatten().max().copied().unwrap_or(0);
        let run = self.names.runs.last().copied().unwrap_or(0);
        Next { segment: last + 1, run: run + 1 }
    }

    /// Opens the runs of the directory and adds the segments that none of them speaks of.
    fn directory(
        &mut self,
        sealed: &BTreeMap<u64, Arc<Sealed>>,
        next: &mut Next,
    ) -> io::Result<Directory> {
        let mut runs: Vec<Arc<Run>> = Vec::new();
        for number in &self.names.runs {
            match Run::open(&self.files, *number) {
                Ok(run) => runs.push(Arc::new(run)),
                Err(error) if is_damage(&error) => {
                    self.recovery.damage.push(error.to_string());
                    self.recovery.rebuilt += 1;
                    self.files.unlink(&super::directory::run_name(*number))?;
                }
                Err(error) => return Err(error),
            }
        }
        runs.sort_by_key(|run| std::cmp::Reverse(run.file.entries));
        let known: BTreeSet<u64> =
            runs.iter().flat_map(|run| run.segments.iter().copied()).collect();
        let mut directory = Directory { runs };
        for (number, segment) in sealed {
            if known.contains(number) {
                continue;
            }
            let (added, merged) = directory.add(&self.files, next.run, segment, sealed)?;
            next.run += 1;
            directory = added;
            for run in merged {
                self.files.unlink(&run.file.name)?;
            }
        }
        Ok(directory)
    }

    /// Scans the segment that was being written, cuts a torn end, and makes what is left durable before
    /// anybody reads it.
    fn active(
        &mut self,
        active: Option<u64>,
        next: &mut Next,
    ) -> io::Result<(Arc<Unsealed>, u64, HashMap<Subject, u64>)> {
        let Some(number) = active else {
            let number = next.segment;
            next.segment += 1;
            let head = SegmentHead {
                time: self.kept_time,
                subjects_version: self.subjects_seen,
                ..SegmentHead::default()
            };
            let purges = HashMap::new();
            let (file, end) = begin_segment(self.files.disk(), number, &head, &purges)?;
            return Ok((unsealed(number, file, super::index::Index::default()), end, purges));
        };
        let file = self.files.get(&log_name(number))?;
        let Scan { index, purges, end, time, torn, damage } =
            scan(file.as_ref(), number, Writing::On)?;
        self.recovery.scanned = index.messages;
        self.recovery.torn = torn;
        self.recovery.damage.extend(damage);
        self.kept_time = self.kept_time.max(time);
        file.truncate(end)?;
        file.sync()?;
        Ok((unsealed(number, file, index), end, purges))
    }
}

fn unsealed(number: u64, file: Arc<dyn DiskFile>, index: super::index::Index) -> Arc<Unsealed> {
    Arc::new(Unsealed { number, file, index: RwLock::new(index) })
}
