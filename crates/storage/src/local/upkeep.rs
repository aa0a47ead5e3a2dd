//! The thread that seals segments and gives space back. It alone changes sealed segments, the directory
//! and the `subjects` file, and it is never in the writer's way.

use super::{
    catalog::{Catalog, Sealed, Unsealed, View},
    directory::Run,
    forgetting::Forgetting,
    gate::Gate,
    healing,
    index::{Entry, number, split_key},
    job,
    segment::{HEAD, Summary, index_name, log_name},
    sorted::{damaged_name, is_damage},
    subjects, sweep,
    writer::is_full,
};
use crate::Activity;
use broker_core::{ReadError, Reclaimed, Repeats, Timestamp};
use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, mpsc},
    time::Instant,
};
use tokio::sync::oneshot;

/// What the upkeep is asked for.
pub enum Job {
    /// Write the index of a segment that is written no more, and list it as sealed.
    Seal { segment: Arc<Unsealed>, end: u64 },
    /// Give back what is not needed at this time.
    Reclaim { now: Timestamp, reply: oneshot::Sender<Result<Reclaimed, ReadError>> },
    /// Make a damaged sorted file anew; whether that went well.
    Heal { name: String, reply: mpsc::Sender<bool> },
    /// End.
    Stop,
}

/// Calls of reclaim (one a second) that dead segments may wait for others, so that the `subjects` file
/// is not written for each.
const PATIENCE: u32 = 10;

/// Segments swept in one call.
const SWEPT_AT_ONCE: usize = 4;

/// Bytes of an active segment that are worth being sealed for.
const WORTH_SEALING: u64 = 64 * 1024;

/// The same where something in it lives and has to be copied forward.
const WORTH_SWEEPING: u64 = 1024 * 1024;

/// Calls of reclaim from one count of what lives in the active segment to the next.
const COUNT_EVERY: u32 = 10;

/// Subjects counted at once: the writer waits meanwhile.
const COUNTED_AT_ONCE: usize = 1_000;

/// The upkeep's state.
pub struct Upkeep {
    pub catalog: Arc<Catalog>,
    pub gate: Arc<Gate>,
    pub writer: mpsc::Sender<job::Job>,
    /// Segments that could not be sealed yet, with their ends.
    pub stuck: Vec<(Arc<Unsealed>, u64)>,
    /// Segments that may hold purged messages.
    pub to_recount: BTreeSet<u64>,
    pub forgetting: Forgetting,
    /// Segments that nothing needs any more.
    pub dead: BTreeSet<u64>,
    /// Segments that purges left mostly dead.
    pub sparse: BTreeSet<u64>,
    /// Segments that cannot be swept: a living message in them is damaged.
    pub unsweepable: BTreeSet<u64>,
    pub waited: u32,
    /// Damaged files that were told of.
    pub said: Repeats,
    /// Calls of reclaim since what lives in the active segment was counted.
    pub uncounted: u32,
    pub activity: Arc<Activity>,
}

impl Upkeep {
    /// Serves until nobody is left to ask.
    pub fn run(mut self, jobs: &mpsc::Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            match job {
                Job::Stop => return,
                Job::Heal { name, reply } => {
                    // Who asked may be gone, here and below.
                    let _ = reply.send(self.heal(&name));
                }
                Job::Seal { segment, end } => {
                    self.stuck.push((segment, end));
                    self.seal_all();
                }
                Job::Reclaim { now, reply } => {
                    self.seal_all();
                    let mut reclaimed = self.reclaim(now);
                    if let Err(error) = &reclaimed
                        && let Some(name) = damaged_name(error)
                        && self.heal(&name)
                    {
                        reclaimed = self.reclaim(now);
                    }
                    let _ = reply.send(reclaimed.map_err(|error| self.failed(&error)));
                }
            }
        }
    }

    fn heal(&mut self, name: &str) -> bool {
        // What cannot be mended is met by every read.
        let times = self.said.count(name, Instant::now());
        if let Some(times) = times {
            tracing::error!(file = name, times, "a file is damaged and is made anew");
        }
        let healed = healing::heal(&self.catalog, &self.gate, name);
        if let (Err(error), Some(_)) = (&healed, times) {
            tracing::error!(%error, file = name, "a damaged file could not be made anew");
        }
        healed.unwrap_or(false)
    }

    fn failed(&self, error: &io::Error) -> ReadError {
        note_failure(&self.gate, error);
        ReadError::Failed(error.to_string())
    }

    fn seal_all(&mut self) {
        while let Some((segment, end)) = self.stuck.first().cloned() {
            match self.seal(&segment, end) {
                Ok(()) => {
                    self.stuck.remove(0);
                    self.gate.sealing_went(false);
                }
                Err(error) if damaged_name(&error).is_some_and(|name| self.heal(&name)) => {}
                Err(error) => {
                    self.failed(&error);
                    self.gate.sealing_went(true);
                    return;
                }
            }
        }
    }

    fn seal(&mut self, segment: &Arc<Unsealed>, end: u64) -> io::Result<()> {
        let is_sealing = |other: &Arc<Unsealed>| other.number == segment.number;
        if !self.catalog.view().sealing.iter().any(is_sealing) {
            // It was sealed when this was tried before, and only what came after failed.
            return Ok(());
        }
        let files = &self.catalog.files;
        segment.file.truncate(end)?;
        segment.file.sync()?;
        {
            let index = segment.index.read();
            let time = self.gate.kept_time().0;
            let summary = Summary::of(&index, time, end, 0);
            index.write(files, segment.number, &summary.encode())?;
        }
        let sealed = Arc::new(Sealed::open(files, segment.number)?);
        if !self.catalog.view().purges.is_empty() {
            self.to_recount.insert(segment.number);
            self.forgetting.is_due = true;
        }
        list(&self.catalog, &self.gate, &[sealed], |view| {
            view.sealing.retain(|one| one.number != segment.number);
        })
    }

    fn reclaim(&mut self, now: Timestamp) -> io::Result<Reclaimed> {
        let view = self.catalog.view();
        self.look_for_dead(&view, now)?;
        self.ask_for_seal(&view, now);
        let mut reclaimed = self.unlink_dead(&view)?;
        if let Some(swept) = self.sweep(now)? {
            reclaimed.messages += swept.messages;
            reclaimed.bytes += swept.bytes;
            reclaimed.more = swept.more;
        }
        self.forget_purges()?;
        if self.gate.is_full() {
            // The writer may have ended.
            let _ = self.writer.send(job::Job::Look);
        }
        Ok(reclaimed)
    }

    fn look_for_dead(&mut self, view: &View, now: Timestamp) -> io::Result<()> {
        let expired = view.sealed.values().filter(|one| one.summary.latest_expiry <= now.0);
        self.dead.extend(expired.map(|one| one.number));
        self.mark_purged(view)?;
        for number in std::mem::take(&mut self.to_recount) {
            let Some(segment) = view.sealed.get(&number) else { continue };
            let (living, all) = self.count(view, segment, now)?;
            if living == 0 {
                self.dead.insert(number);
            } else if living * 4 <= all {
                self.sparse.insert(number);
            }
        }
        Ok(())
    }

    /// Bytes of living messages in a segment, and of all.
    fn count(&self, view: &View, segment: &Sealed, now: Timestamp) -> io::Result<(u64, u64)> {
        let (mut living, mut all) = (0, 0);
        let mut cursor = segment.index.cursor(&self.catalog.files, &[])?;
        while let Some((key, value)) = cursor.next()? {
            let (subject, id) = split_key(&key)?;
            let entry = Entry::of(number(id)?, &value)?;
            all += u64::from(entry.length);
            if is_living(view, subject, &entry, now) {
                living += u64::from(entry.length);
            }
        }
        Ok((living, all))
    }

    /// An active segment in which little lives gives its space back only when it is sealed, and if few
    /// messages come, it takes long to fill.
    fn ask_for_seal(&mut self, view: &View, now: Timestamp) {
        let (latest, messages) = {
            let index = view.active.index.read();
            (index.latest_expiry, index.messages)
        };
        let is_dead = latest.is_some_and(|latest| latest <= now.0);
        let length = view.active.file.length().unwrap_or(0);
        let is_worth = length >= HEAD + WORTH_SEALING;
        let is_due = is_dead || self.gate.is_full() || self.is_mostly_dead(view, length, now);
        if messages > 0 && is_worth && is_due {
            // The writer may have ended.
            let _ = self.writer.send(job::Job::Seal { number: view.active.number });
        }
    }

    /// Whether three quarters of the active segment are dead; counted now and then.
    fn is_mostly_dead(&mut self, view: &View, length: u64, now: Timestamp) -> bool {
        self.uncounted += 1;
        if self.uncounted < COUNT_EVERY || length < HEAD + WORTH_SWEEPING {
            return false;
        }
        self.uncounted = 0;
        let (living, all) = count_active(view, now);
        living * 4 <= all && all - living >= WORTH_SWEEPING
    }

    fn unlink_dead(&mut self, view: &View) -> io::Result<Reclaimed> {
        self.dead.retain(|number| view.sealed.contains_key(number));
        if self.dead.is_empty() {
            self.waited = 0;
            return Ok(Reclaimed::default());
        }
        let dead: Vec<Arc<Sealed>> =
            self.dead.iter().filter_map(|number| view.sealed.get(number).cloned()).collect();
        let bytes: u64 = dead.iter().map(|segment| segment.bytes()).sum();
        let rewritten = view.subjects.as_ref().map_or(0, |subjects| subjects.length());
        self.waited += 1;
        if bytes < rewritten * 4 && self.waited < PATIENCE && !self.gate.is_full() {
            return Ok(Reclaimed::default());
        }
        self.waited = 0;
        subjects::merge(&self.catalog, &self.gate, &dead)?;
        self.unlink(&dead)?;
        self.dead.clear();
        let messages = dead.iter().map(|segment| segment.summary.messages).sum();
        Ok(Reclaimed { messages, bytes, more: false })
    }

    fn unlink(&mut self, segments: &[Arc<Sealed>]) -> io::Result<()> {
        self.catalog.change(|view| {
            let mut sealed = (*view.sealed).clone();
            for segment in segments {
                sealed.remove(&segment.number);
            }
            view.sealed = Arc::new(sealed);
        });
        let unlinked = self.unlink_files(segments);
        self.forgetting.is_due = true;
        self.forgetting.is_blocked |= unlinked.is_err();
        unlinked
    }

    fn unlink_files(&mut self, segments: &[Arc<Sealed>]) -> io::Result<()> {
        for segment in segments {
            self.sparse.remove(&segment.number);
            self.catalog.files.unlink(&log_name(segment.number))?;
            self.catalog.files.unlink(&index_name(segment.number))?;
        }
        self.catalog.files.disk().sync_directory()
    }

    /// Copies what lives in a few mostly dead segments forward and lets go of them.
    fn sweep(&mut self, now: Timestamp) -> io::Result<Option<Reclaimed>> {
        let view = self.catalog.view();
        let is_due = |segment: &Sealed| {
            segment.summary.mostly_dead_at <= now.0 || self.sparse.contains(&segment.number)
        };
        let mut due: Vec<Arc<Sealed>> = view
            .sealed
            .values()
            .filter(|segment| is_due(segment))
            .filter(|segment| !self.dead.contains(&segment.number))
            .filter(|segment| !self.unsweepable.contains(&segment.number))
            .take(SWEPT_AT_ONCE + 1)
            .cloned()
            .collect();
        let more = due.len() > SWEPT_AT_ONCE;
        due.truncate(SWEPT_AT_ONCE);
        if due.is_empty() {
            return Ok(None);
        }
        let swept = match sweep::copy_forward(&self.catalog, &self.gate, &view, &due, now)? {
            Ok(swept) => swept,
            Err(damaged) => {
                self.unsweepable.insert(damaged);
                return Ok(None);
            }
        };
        self.activity.count_sweep(swept.messages, swept.bytes);
        let before: u64 = due.iter().map(|segment| segment.bytes()).sum();
        let messages: u64 = due.iter().map(|segment| segment.summary.messages).sum();
        self.unlink(&due)?;
        Ok(Some(Reclaimed {
            messages: messages.saturating_sub(swept.messages),
            bytes: before.saturating_sub(swept.bytes),
            more,
        }))
    }
}

/// Bytes of living messages in the active segment, and of all.
fn count_active(view: &View, now: Timestamp) -> (u64, u64) {
    let (mut living, mut all, mut counted) = (0, 0, 0);
    loop {
        let index = view.active.index.read();
        let part = index.names().iter().skip(counted).take(COUNTED_AT_ONCE);
        if part.len() == 0 {
            return (living, all);
        }
        counted += part.len();
        for subject in part {
            let purged = view.purged(subject);
            for entry in index.entries(subject) {
                all += u64::from(entry.length);
                if entry.expires_at > now.0 && entry.id > purged {
                    living += u64::from(entry.length);
                }
            }
        }
    }
}

/// Closes the store to writing after what is neither a full disk nor damage.
fn note_failure(gate: &Gate, error: &io::Error) {
    if !is_full(error) && !is_damage(error) {
        gate.close(&format!("upkeep failed: {error}"));
    }
}

/// Whether a message is neither expired nor purged.
pub fn is_living(view: &View, subject: &[u8], entry: &Entry, now: Timestamp) -> bool {
    if entry.expires_at <= now.0 {
        return false;
    }
    let purged = std::str::from_utf8(subject).map_or(0, |name| view.purges.up_to(name));
    entry.id > purged
}

/// Lists sealed segments: in the directory first, so that readers who see them find them. After an error
/// they are not listed.
pub fn list(
    catalog: &Catalog,
    gate: &Gate,
    new: &[Arc<Sealed>],
    also: impl FnOnce(&mut View),
) -> io::Result<()> {
    let view = catalog.view();
    let mut living = (*view.sealed).clone();
    let (mut directory, mut left) = (view.directory.clone(), Vec::new());
    for sealed in new {
        living.insert(sealed.number, sealed.clone());
        match directory.add(&catalog.files, gate.next_run(), sealed, &living) {
            Ok((added, merged)) => {
                directory = added;
                left.extend(merged);
            }
            Err(error) => {
                left.extend(directory.runs);
                left.retain(|run| !view.directory.runs.iter().any(|old| Arc::ptr_eq(old, run)));
                // A run that stays is merged away after the next start.
                let _ = unlink_runs(catalog, &left);
                return Err(error);
            }
        }
    }
    catalog.change(|view| {
        let mut all = (*view.sealed).clone();
        all.extend(new.iter().map(|sealed| (sealed.number, sealed.clone())));
        view.sealed = Arc::new(all);
        view.directory = directory;
        also(view);
    });
    let tidied = unlink_runs(catalog, &left).and_then(|()| catalog.files.disk().sync_directory());
    if let Err(error) = tidied {
        note_failure(gate, &error);
    }
    Ok(())
}

fn unlink_runs(catalog: &Catalog, runs: &[Arc<Run>]) -> io::Result<()> {
    runs.iter().try_for_each(|run| catalog.files.unlink(&run.file.name))
}
