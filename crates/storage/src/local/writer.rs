//! The one writer of the active segment: a thread that takes whatever waits, writes it at once, syncs
//! once, and answers.

use super::{
    catalog::{Catalog, Unsealed},
    gate::{Gate, reached},
    index::{Entry, Index},
    job::{Job, answer, commit_span, weight},
    record::{self, Kind},
    segment::{HEAD, SegmentHead, begin_segment, log_name},
    upkeep,
};
use crate::Activity;
use broker_core::{
    AppendError, Message, Timestamp,
    trace::{failed, note},
};
use parking_lot::RwLock;
use std::{
    io,
    sync::{Arc, mpsc},
    time::Instant,
};
use tokio::sync::oneshot;
use tracing::Span;

/// Bytes written at once; what waits beyond that makes the next group.
const GROUP: usize = 8 * 1024 * 1024;

/// Bytes of the write buffer that are kept between groups.
const BUFFER: usize = 4 * 1024 * 1024;

/// Bytes of zeros written behind a small group, for those that follow it. Space that was never written
/// has the file system convert it at each sync, which then takes twice as long.
const FILL: u64 = 256 * 1024;

/// Bytes of a group that is small: a large one pays for its own conversion.
const SMALL: u64 = FILL / 4;

/// Cost of an index in memory at which its segment is sealed, in bytes.
const INDEX_COST: usize = 32 * 1024 * 1024;

/// Segments that wait for being sealed, at most; their indexes in memory cost no more than two of the
/// largest.
const SEALING: usize = 16;

/// The writer's state.
pub struct Writer {
    pub catalog: Arc<Catalog>,
    pub gate: Arc<Gate>,
    pub upkeep: mpsc::Sender<upkeep::Job>,
    pub active: Arc<Unsealed>,
    /// Where the next record goes; all before it is synced.
    pub end: u64,
    /// How long the active file is: space up to here is allocated.
    pub allocated: u64,
    /// How far the active file was written, zeros included. It reads the same up to `allocated`.
    pub filled: u64,
    pub segment_bytes: u64,
    pub chunk: u64,
    pub buffer: Vec<u8>,
    pub activity: Arc<Activity>,
}

/// Messages of a group with their places, for the index.
type Places = Vec<(Arc<Message>, Entry)>;

impl Writer {
    /// Serves until it is told to close or nobody is left to ask.
    pub fn run(mut self, jobs: &mpsc::Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut group = vec![first];
            let mut size = weight(&group[0]);
            while size < GROUP {
                let Ok(job) = jobs.try_recv() else { break };
                size += weight(&job);
                group.push(job);
            }
            self.gate.dequeued(size);
            if self.serve(group) {
                return;
            }
        }
    }

    /// Commits a group; answers whether it was the last.
    fn serve(&mut self, mut group: Vec<Job>) -> bool {
        let mut close = None;
        let (mut seal, mut stop) = (false, false);
        group.retain_mut(|job| match job {
            Job::Seal { number } => {
                seal |= *number == self.active.number;
                false
            }
            Job::Close { reply } => {
                let (unused, _) = oneshot::channel();
                close = Some(std::mem::replace(reply, unused));
                false
            }
            Job::Look => {
                self.look_for_room();
                false
            }
            Job::Stop => {
                stop = true;
                false
            }
            Job::Append { .. } | Job::Purge { .. } | Job::KeepTime { .. } => true,
        });
        if !group.is_empty() {
            self.commit_or_part(group);
        }
        if seal && self.gate.refusal().is_none() && self.end > HEAD {
            // What cannot be sealed now is sealed when it is asked for again.
            if let Err(error) = self.rotate() {
                self.failed(&error);
            }
        }
        if let Some(reply) = close {
            // Who closes may have stopped waiting.
            let _ = reply.send(self.close());
            return true;
        }
        stop
    }

    /// Commits a group, or where there is no room for it that part which gives space back: it may use the
    /// reserve.
    fn commit_or_part(&mut self, group: Vec<Job>) {
        let outcome = self.commit_traced(&group);
        let is_full = matches!(outcome, Err(AppendError::Full(_)));
        let (appends, rest): (Vec<_>, Vec<_>) =
            group.into_iter().partition(|job| !is_full || matches!(job, Job::Append { .. }));
        if is_full && !appends.is_empty() && !rest.is_empty() {
            let outcome = self.commit_traced(&rest);
            answer(rest, &outcome);
        } else {
            answer(rest, &outcome);
        }
        answer(appends, &outcome);
    }

    /// Takes appends again when there is room, though nobody may have tried.
    fn look_for_room(&self) {
        let room = self.gate.check_room(self.catalog.files.disk(), self.chunk, self.store_bytes());
        if room.is_ok() {
            self.gate.set_full(None);
        }
    }

    /// Within a span, if one of the appends has one.
    fn commit_traced(&mut self, group: &[Job]) -> Result<(), AppendError> {
        let span = commit_span(group);
        let outcome = self.commit(group, &span);
        if let Err(error) = &outcome {
            failed(&span, error);
        }
        outcome
    }

    /// Writes a group, syncs, and lets readers see it.
    fn commit(&mut self, group: &[Job], span: &Span) -> Result<(), AppendError> {
        if let Some(why) = self.gate.refusal() {
            return Err(AppendError::Unavailable(why));
        }
        let size: usize = group.iter().map(weight).sum();
        if self.must_rotate(size) {
            self.rotate().map_err(|error| self.failed(&error))?;
        }
        self.buffer.clear();
        // At once and to the byte: a large group must not be held twice while the buffer grows.
        self.buffer.reserve_exact(size + record::FIXED);
        let time = self.time_of(group);
        let number = self.active.number;
        record::put_mark(Kind::Group, self.end, time, &[], number, &mut self.buffer);
        let places = self.encode(group);
        let appends = group.iter().any(|job| matches!(job, Job::Append { .. }));
        self.allocate(appends).map_err(|error| self.failed(&error))?;
        let end = self.end + self.buffer.len() as u64;
        self.fill();
        let (file, begun) = (self.active.file.clone(), Instant::now());
        if let Err(error) = file.write_at(&self.buffer, self.end) {
            return Err(self.cut_back(&error));
        }
        note(span, "written");
        if let Err(error) = file.sync() {
            return Err(self.lost(&error));
        }
        note(span, "synced");
        if !places.is_empty() {
            self.activity.count_commit(places.len(), begun.elapsed());
        }
        self.filled = self.filled.max(self.end + self.buffer.len() as u64);
        self.end = end;
        self.show(group, &places, time);
        if appends {
            self.gate.set_full(None);
        }
        if self.buffer.capacity() > BUFFER {
            self.buffer = Vec::with_capacity(BUFFER);
        }
        Ok(())
    }

    fn must_rotate(&self, size: usize) -> bool {
        let is_long = self.end + size as u64 > self.segment_bytes && self.end > HEAD;
        is_long || self.active.index.read().cost() > INDEX_COST
    }

    fn time_of(&self, group: &[Job]) -> Timestamp {
        let times = group.iter().filter_map(|job| match job {
            Job::Append { batch, .. } => batch.iter().map(|message| message.published_at).max(),
            Job::KeepTime { now, .. } => Some(*now),
            _ => None,
        });
        times.max().unwrap_or(Timestamp::MIN).max(self.gate.kept_time())
    }

    fn encode(&mut self, group: &[Job]) -> Places {
        let number = self.active.number;
        let mut places = Vec::new();
        for job in group {
            match job {
                Job::Append { batch, .. } => {
                    for message in batch {
                        let offset = self.end + self.buffer.len() as u64;
                        let length = record::put_message(message, number, &mut self.buffer);
                        places.push((message.clone(), entry(message, offset, length)));
                    }
                }
                Job::Purge { subject, up_to, .. } => {
                    let time = Timestamp::MIN;
                    let name = subject.as_bytes();
                    record::put_mark(Kind::Purge, up_to.0, time, name, number, &mut self.buffer);
                }
                // The group's own head keeps the time.
                _ => {}
            }
        }
        places
    }

    /// Allocates space ahead, so that a write does not find the disk full half-way. Appends leave the
    /// reserve alone.
    fn allocate(&mut self, appends: bool) -> io::Result<()> {
        let needed = self.end + self.buffer.len() as u64;
        if needed <= self.allocated {
            return Ok(());
        }
        let mut ahead = needed.next_multiple_of(self.chunk);
        if appends {
            let more = ahead - self.allocated;
            self.gate.check_room(self.catalog.files.disk(), more, self.store_bytes())?;
        } else if self.gate.is_full() {
            // No more of the reserve than it takes, or appends would find the rest.
            ahead = needed;
        }
        if self.active.file.allocate(ahead).is_err() {
            // There may be room for this group still.
            self.active.file.allocate(needed)?;
            self.allocated = needed;
            return Ok(());
        }
        self.allocated = ahead;
        Ok(())
    }

    /// Puts zeros behind a small group that goes beyond what was written, within what is allocated.
    fn fill(&mut self) {
        let length = self.buffer.len() as u64;
        let end = self.end + length;
        if length <= SMALL && end > self.filled {
            let zeros = FILL.min(self.allocated.saturating_sub(end));
            // At most FILL.
            self.buffer.resize((length + zeros) as usize, 0);
        }
    }

    fn store_bytes(&self) -> u64 {
        let view = self.catalog.view();
        view.sealed_bytes() + view.sealing.len() as u64 * self.segment_bytes + self.allocated
    }

    /// Undoes a write that failed, or, where that fails too, takes no more.
    fn cut_back(&mut self, error: &io::Error) -> AppendError {
        if !is_full(error) {
            return self.lost(error);
        }
        // Synced, or a crash could bring back what was refused.
        match self.active.file.truncate(self.end).and_then(|()| self.active.file.sync()) {
            Ok(()) => {
                (self.allocated, self.filled) = (self.end, self.end);
                self.failed(error)
            }
            Err(error) => self.lost(&error),
        }
    }

    /// What the disk holds is not known any more: nothing is written from here on.
    fn lost(&self, error: &io::Error) -> AppendError {
        let why = format!("{}: {error}", log_name(self.active.number));
        self.gate.close(&why);
        AppendError::Lost(why)
    }

    /// Nothing was written.
    fn failed(&self, error: &io::Error) -> AppendError {
        if is_full(error) {
            let bound = reached(error);
            self.gate.set_full(Some(bound));
            return AppendError::Full(bound);
        }
        self.lost(error)
    }

    fn show(&self, group: &[Job], places: &Places, time: Timestamp) {
        {
            let mut index = self.active.index.write();
            for (message, entry) in places {
                index.insert(&message.subject, *entry);
            }
        }
        for job in group {
            if let Job::Purge { subject, up_to, .. } = job {
                self.catalog.change(|view| view.purges.add(subject, up_to.0));
            }
        }
        self.gate.keep_time(time);
    }

    /// Seals the active segment and begins another. What must outlive the sealed one begins the new
    /// one: the time in its head, and the purges.
    fn rotate(&mut self) -> io::Result<()> {
        let active = self.active.index.read().cost();
        self.gate.wait_for_sealing(|| {
            let sealing = self.catalog.view().sealing;
            let waiting: usize = sealing.iter().map(|one| one.index.read().cost()).sum();
            sealing.is_empty() || (waiting + active <= 2 * INDEX_COST && sealing.len() < SEALING)
        })?;
        let number = self.gate.next_segment();
        let view = self.catalog.view();
        let head = SegmentHead {
            time: self.gate.kept_time().0,
            subjects_version: self.gate.subjects_version(),
            ..SegmentHead::default()
        };
        let disk = self.catalog.files.disk();
        let (file, end) = begin_segment(disk, number, &head, &view.purges.all())?;
        let active = Arc::new(Unsealed { number, file, index: RwLock::new(Index::default()) });
        let sealed = std::mem::replace(&mut self.active, active.clone());
        self.catalog.change(|view| {
            view.active = active;
            view.sealing.push(sealed.clone());
        });
        let job = upkeep::Job::Seal { segment: sealed, end: self.end };
        (self.end, self.allocated, self.filled) = (end, end, end);
        // The other thread ends only after this one.
        let _ = self.upkeep.send(job);
        Ok(())
    }

    fn close(&mut self) -> Result<(), AppendError> {
        if let Some(why) = self.gate.refusal() {
            return Err(AppendError::Unavailable(why));
        }
        self.buffer.clear();
        let (number, time) = (self.active.number, self.gate.kept_time());
        record::put_mark(Kind::End, self.end, time, &[], number, &mut self.buffer);
        let file = &self.active.file;
        let written = file
            .write_at(&self.buffer, self.end)
            .and_then(|()| file.truncate(self.end + self.buffer.len() as u64))
            .and_then(|()| file.sync());
        self.gate.close("the store is closed");
        written.map_err(|error| AppendError::Unavailable(error.to_string()))
    }
}

/// Whether an error says that there is no room.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn entry(message: &Message, offset: u64, length: usize) -> Entry {
    Entry {
        id: message.id.0,
        // A segment is below 4 GiB and a record far below.
        offset: u32::try_from(offset).unwrap_or(u32::MAX),
        length: u32::try_from(length).unwrap_or(u32::MAX),
        expires_at: message.expires_at.map_or(i64::MAX, |at| at.0),
    }
}
