//! Reads: one message, a last id; a page is in `page`.
//!
//! A read takes the catalog's view and then the files it needs. A segment may be swept away under it:
//! then a file is missing, and the read is begun again with a new view. So it is when an index or the
//! directory turns out to be damaged: they are made anew from what they speak of.

use super::{
    catalog::{Catalog, View},
    disk::DiskFile,
    index::{self, Entry},
    record,
    sorted::{damaged_name, is_damage},
};
use broker_core::{MessageId, ReadError, Stored, Subject};
use bytes::Bytes;
use std::{io, sync::Arc};

/// Times a read is begun again because a segment went away.
const TRIES: usize = 8;

/// Bytes read at once around a record: its neighbours are likely to be wanted next.
const WINDOW: u64 = 64 * 1024;

/// Bytes read at first, and where the records wanted lie far apart.
const FIRST_WINDOW: u64 = 2 * 1024;

impl Catalog {
    /// Begins again what failed because a file went away, or because a sorted file was damaged and is
    /// made anew.
    pub fn retry<T>(&self, mut read: impl FnMut() -> io::Result<T>) -> Result<T, ReadError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match read() {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let is_gone = error.kind() == io::ErrorKind::NotFound;
            let may_go_on = is_gone || damaged_name(&error).is_some_and(|name| self.heal(name));
            if !may_go_on || tries == TRIES {
                return Err(ReadError::Failed(error.to_string()));
            }
        }
    }

    /// The message, if it is there.
    pub fn fetch(&self, subject: &Subject, id: MessageId) -> Result<Option<Stored>, ReadError> {
        self.retry(|| self.try_fetch(&self.view(), subject, id.0))
    }

    /// A message that is damaged in one segment may be whole in another.
    pub fn try_fetch(&self, view: &View, subject: &Subject, id: u64) -> io::Result<Option<Stored>> {
        if id <= view.purged(subject) {
            return Ok(None);
        }
        let mut damaged = None;
        for segment in view.unsealed() {
            let entry = {
                let index = segment.index.read();
                let entries = index.entries(subject);
                entries.binary_search_by_key(&id, |entry| entry.id).ok().map(|at| entries[at])
            };
            let Some(entry) = entry else { continue };
            match alone(segment.file.clone(), segment.number, &entry)? {
                Stored::Damaged(id) => damaged = Some(Stored::Damaged(id)),
                whole @ Stored::Message(_) => return Ok(Some(whole)),
            }
        }
        for span in view.directory.holding(&self.files, subject.as_bytes(), id)? {
            let Some(segment) = view.sealed.get(&span.segment) else { continue };
            let found = index::find(&self.files, &segment.index, subject.as_bytes(), id)?;
            let Some(entry) = found else { continue };
            match alone(segment.log(&self.files)?, segment.number, &entry)? {
                Stored::Damaged(id) => damaged = Some(Stored::Damaged(id)),
                whole @ Stored::Message(_) => return Ok(Some(whole)),
            }
        }
        Ok(damaged)
    }

    /// Whether nothing is sealed yet, so that a subject is known without reading a file.
    pub fn is_all_in_memory(&self) -> bool {
        let view = self.view();
        view.directory.runs.is_empty() && view.subjects.is_none()
    }

    /// The highest id ever kept for a subject.
    pub fn last_id(&self, subject: &Subject) -> Result<MessageId, ReadError> {
        self.retry(|| self.try_last_id(&self.view(), subject)).map(MessageId)
    }

    pub fn try_last_id(&self, view: &View, subject: &Subject) -> io::Result<u64> {
        Ok(view.purged(subject).max(view.last_id(&self.files, subject)?))
    }
}

/// Reads a record and nothing else.
pub fn alone(file: Arc<dyn DiskFile>, segment: u64, entry: &Entry) -> io::Result<Stored> {
    Window::new(file, segment, entry.end()).read(entry)
}

/// A part of a segment's file, read at once for records that lie near each other.
pub struct Window {
    file: Arc<dyn DiskFile>,
    segment: u64,
    /// Nothing is read from here on.
    end: u64,
    start: u64,
    bytes: Bytes,
    /// Bytes to be read at the next miss.
    ahead: u64,
}

impl Window {
    pub fn new(file: Arc<dyn DiskFile>, segment: u64, end: u64) -> Self {
        Self { file, segment, end, start: 0, bytes: Bytes::new(), ahead: FIRST_WINDOW }
    }

    /// A record and, likely, its neighbours.
    pub fn read(&mut self, entry: &Entry) -> io::Result<Stored> {
        let (offset, length) = (u64::from(entry.offset), u64::from(entry.length));
        let is_inside =
            offset >= self.start && offset + length <= self.start + self.bytes.len() as u64;
        if !is_inside {
            let passed = self.start + self.bytes.len() as u64;
            let is_near = (self.start..=passed + self.ahead).contains(&offset);
            self.ahead = if is_near { WINDOW.min(self.ahead * 2) } else { FIRST_WINDOW };
            let reach = (offset + self.ahead.max(length)).min(self.end.max(entry.end()));
            return match self.fill(offset, reach) {
                Err(error) if is_damage(&error) => Ok(Stored::Damaged(MessageId(entry.id))),
                Err(error) => Err(error),
                Ok(()) => Ok(self.decode(entry)),
            };
        }
        Ok(self.decode(entry))
    }

    fn fill(&mut self, from: u64, to: u64) -> io::Result<()> {
        let length = usize::try_from(to - from).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        self.file.read_at(&mut bytes, from)?;
        self.start = from;
        self.bytes = bytes.into();
        Ok(())
    }

    fn decode(&self, entry: &Entry) -> Stored {
        let at = usize::try_from(u64::from(entry.offset) - self.start).unwrap_or(usize::MAX);
        let record = self.bytes.slice(at..at + entry.length as usize);
        // A message that is read with its neighbours has bytes of its own, or each would hold a window.
        let is_alone = record.len() == self.bytes.len();
        let record = if is_alone { record } else { Bytes::copy_from_slice(&record) };
        match record::message(&record, self.segment).or_else(|| self.mended(&record)) {
            Some(message) if message.id.0 == entry.id => Stored::Message(Arc::new(message)),
            _ => Stored::Damaged(MessageId(entry.id)),
        }
    }

    /// A record whose head has a turned bit is whole when the bit is turned back.
    fn mended(&self, record: &Bytes) -> Option<broker_core::Message> {
        let mut bytes = record.to_vec();
        record::mend_head(&mut bytes, self.segment)
            .then(|| record::message(&bytes.into(), self.segment))?
    }
}
