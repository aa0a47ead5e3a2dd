//! Reads: one message, a page, a last id, a list of subjects.
//!
//! A read takes the catalog's view and then the files it needs. A segment may be swept away under it:
//! then a file is missing, and the read is begun again with a new view. So it is when an index or the
//! directory turns out to be damaged: they are made anew from what they speak of.

use super::{
    catalog::{Catalog, Sealed, View},
    disk::DiskFile,
    index::{self, Entry, key, number, split_key},
    record,
    sorted::{Cursor, damaged_name, is_damage},
};
use broker_core::{MessageId, Page, ReadError, Stored, Subject, SubjectSummary};
use bytes::Bytes;
use std::{collections::BTreeSet, io, sync::Arc};

/// Times a read is begun again because a segment went away.
const TRIES: usize = 8;

/// Segments looked at for one page.
const SPANS: usize = 32;

/// Entries of an index in memory looked at for one page.
const ENTRIES: usize = 4_096;

/// Bytes read at once around a record: its neighbours are likely to be wanted next.
const WINDOW: u64 = 64 * 1024;

/// Bytes read at first, and where the records wanted lie far apart.
const FIRST_WINDOW: u64 = 2 * 1024;

impl Catalog {
    /// Begins again what failed because a file went away, or because a sorted file was damaged and is
    /// made anew.
    fn retry<T>(&self, mut read: impl FnMut() -> io::Result<T>) -> Result<T, ReadError> {
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

    fn try_fetch(&self, view: &View, subject: &Subject, id: u64) -> io::Result<Option<Stored>> {
        if id <= view.purged(subject) {
            return Ok(None);
        }
        for segment in view.unsealed() {
            let entry = {
                let index = segment.index.read();
                let entries = index.entries(subject);
                entries.binary_search_by_key(&id, |entry| entry.id).ok().map(|at| entries[at])
            };
            if let Some(entry) = entry {
                let mut window = Window::new(segment.file.clone(), segment.number, u64::MAX);
                return window.read(&entry).map(Some);
            }
        }
        let mut damaged = None;
        for span in view.directory.holding(&self.files, subject.as_bytes(), id)? {
            let Some(segment) = view.sealed.get(&span.segment) else { continue };
            let found = index::find(&self.files, &segment.index, subject.as_bytes(), id)?;
            let Some(entry) = found else { continue };
            match self.window(segment)?.alone(&entry)? {
                // A copy in another segment may be whole.
                Stored::Damaged(id) => damaged = Some(Stored::Damaged(id)),
                whole => return Ok(Some(whole)),
            }
        }
        Ok(damaged)
    }

    fn window(&self, segment: &Sealed) -> io::Result<Window> {
        Ok(Window::new(segment.log(&self.files)?, segment.number, segment.summary.end))
    }

    /// Messages above an id.
    pub fn page(
        &self,
        subject: &Subject,
        after: MessageId,
        limit: usize,
    ) -> Result<Page, ReadError> {
        self.retry(|| self.try_page(&self.view(), subject, after.0, limit))
    }

    fn try_page(
        &self,
        view: &View,
        subject: &Subject,
        after: u64,
        limit: usize,
    ) -> io::Result<Page> {
        let after = after.max(view.purged(subject));
        let (mut sources, complete) = self.sources(view, subject, after)?;
        let (mut page, mut bytes, mut last) = (Page::default(), 0, after);
        while let Some(next) = least(&mut sources, &self.files, complete)? {
            if bytes >= limit && !page.messages.is_empty() {
                page.next = Some(MessageId(last));
                return Ok(page);
            }
            let place = read_best(&mut sources, next)?;
            last = next;
            bytes += match &place {
                Stored::Message(message) => message.weight(),
                Stored::Damaged(_) => 0,
            };
            page.messages.push(place);
        }
        page.next = (complete < u64::MAX).then_some(MessageId(complete));
        Ok(page)
    }

    /// What may have messages of a subject above an id, and up to which id that is all.
    fn sources<'a>(
        &'a self,
        view: &'a View,
        subject: &'a Subject,
        after: u64,
    ) -> io::Result<(Vec<Source<'a>>, u64)> {
        let mut complete = u64::MAX;
        let mut sources = Vec::new();
        for segment in view.unsealed() {
            let index = segment.index.read();
            let entries = index.entries(subject);
            let entries = &entries[entries.partition_point(|entry| entry.id <= after)..];
            if let Some(beyond) = entries.get(ENTRIES) {
                complete = complete.min(beyond.id - 1);
            }
            let entries = entries[..entries.len().min(ENTRIES)].to_vec();
            if let Some(first) = entries.first() {
                let first = first.id;
                let window = Window::new(segment.file.clone(), segment.number, u64::MAX);
                let rest = Rest::Memory(entries.into_iter());
                sources.push(Source {
                    first,
                    segment: None,
                    rest,
                    window: Some(window),
                    head: None,
                });
            }
        }
        let (spans, up_to) = view.directory.above(&self.files, subject.as_bytes(), after, SPANS)?;
        complete = complete.min(up_to);
        for span in spans {
            if let Some(segment) = view.sealed.get(&span.segment) {
                let rest = Rest::Closed { subject, after };
                let segment = Some(segment);
                let first = span.first.max(after + 1);
                sources.push(Source { first, segment, rest, window: None, head: None });
            }
        }
        Ok((sources, complete))
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

    fn try_last_id(&self, view: &View, subject: &Subject) -> io::Result<u64> {
        Ok(view.purged(subject).max(view.last_id(&self.files, subject)?))
    }

    /// Subjects above one, in order.
    pub fn subjects(
        &self,
        after: Option<&Subject>,
        limit: usize,
    ) -> Result<Vec<SubjectSummary>, ReadError> {
        self.retry(|| self.try_subjects(&self.view(), after, limit))
    }

    fn try_subjects(
        &self,
        view: &View,
        after: Option<&Subject>,
        limit: usize,
    ) -> io::Result<Vec<SubjectSummary>> {
        let mut named = BTreeSet::new();
        for segment in view.unsealed() {
            let index = segment.index.read();
            let subjects = index.sorted().into_iter().map(|(subject, _)| subject);
            named.extend(
                subjects.filter(|subject| after.is_none_or(|after| *subject > after)).cloned(),
            );
        }
        named.extend(
            view.purges
                .all()
                .into_keys()
                .filter(|subject| after.is_none_or(|after| subject > after)),
        );
        let mut summaries = Vec::new();
        let mut at = after.map(|after| after.as_bytes().to_vec()).unwrap_or_default();
        while summaries.len() < limit {
            let Some(subject) = self.next_subject(view, &at, &named)? else { break };
            at = subject.as_bytes().to_vec();
            let last_id = MessageId(self.try_last_id(view, &subject)?);
            summaries.push(SubjectSummary { subject, last_id });
        }
        Ok(summaries)
    }

    fn next_subject(
        &self,
        view: &View,
        after: &[u8],
        named: &BTreeSet<Subject>,
    ) -> io::Result<Option<Subject>> {
        let mut next: Option<Vec<u8>> = view.directory.next_subject(&self.files, after)?;
        if let Some(subjects) = &view.subjects {
            let mut cursor = subjects.cursor(&self.files, after)?;
            while let Some((found, _)) = cursor.next()? {
                if found.as_slice() > after || (after.is_empty() && !found.is_empty()) {
                    if next.as_ref().is_none_or(|next| found < *next) {
                        next = Some(found);
                    }
                    break;
                }
            }
        }
        let in_memory = named.iter().find(|subject| subject.as_bytes() > after);
        if let Some(subject) = in_memory
            && next.as_deref().is_none_or(|next| subject.as_bytes() < next)
        {
            return Ok(Some(subject.clone()));
        }
        next.map(|name| Subject::from_bytes(&name).map_err(io::Error::other)).transpose()
    }
}

/// One segment's messages of a subject, as a page takes them.
struct Source<'a> {
    /// No message of it is below this id.
    first: u64,
    segment: Option<&'a Arc<Sealed>>,
    rest: Rest<'a>,
    window: Option<Window>,
    head: Option<Entry>,
}

enum Rest<'a> {
    Memory(std::vec::IntoIter<Entry>),
    /// Not looked into yet.
    Closed {
        subject: &'a Subject,
        after: u64,
    },
    File {
        subject: &'a Subject,
        cursor: Cursor<'a>,
    },
    Done,
}

impl<'a> Source<'a> {
    fn advance(&mut self, files: &'a super::files::Files) -> io::Result<()> {
        if let (Rest::Closed { subject, after }, Some(segment)) = (&self.rest, self.segment) {
            let cursor = segment.index.cursor(files, &key(subject.as_bytes(), after + 1))?;
            let log = segment.log(files)?;
            self.window = Some(Window::new(log, segment.number, segment.summary.end));
            self.rest = Rest::File { subject, cursor };
        }
        self.head = match &mut self.rest {
            Rest::Memory(entries) => entries.next(),
            Rest::File { subject, cursor } => match cursor.next()? {
                Some((found, value)) => {
                    let (of, id) = split_key(&found)?;
                    let is_same = of == subject.as_bytes();
                    if is_same { Some(Entry::of(number(id)?, &value)?) } else { None }
                }
                None => None,
            },
            Rest::Closed { .. } | Rest::Done => None,
        };
        match self.head {
            Some(entry) => self.first = entry.id,
            None => self.rest = Rest::Done,
        }
        Ok(())
    }
}

/// The next id of any source, not above `complete`. Sources are opened only when their turn comes.
fn least<'a>(
    sources: &mut [Source<'a>],
    files: &'a super::files::Files,
    complete: u64,
) -> io::Result<Option<u64>> {
    loop {
        let next = sources
            .iter_mut()
            .filter(|source| !matches!(source.rest, Rest::Done) || source.head.is_some())
            // Who may have the same message is opened before it is given, or it would be given twice.
            .min_by_key(|source| (source.first, source.head.is_some()));
        let Some(source) = next else { return Ok(None) };
        if source.first > complete {
            return Ok(None);
        }
        match source.head {
            Some(entry) => return Ok(Some(entry.id)),
            None => source.advance(files)?,
        }
    }
}

/// Reads a message from the first source that has it whole, and passes it in all that have it.
fn read_best(sources: &mut [Source<'_>], id: u64) -> io::Result<Stored> {
    let mut best = Stored::Damaged(MessageId(id));
    for source in sources {
        let Some(entry) = source.head.take_if(|entry| entry.id == id) else { continue };
        // Without a head it is not done: the next look advances it.
        source.first = id + 1;
        if let (Stored::Damaged(_), Some(window)) = (&best, &mut source.window) {
            best = window.read(&entry)?;
        }
    }
    Ok(best)
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
            // A file that is written ends where it does; beyond its last record nothing is asked for.
            let limit = if self.end == u64::MAX { offset + length } else { self.end };
            let passed = self.start + self.bytes.len() as u64;
            let is_near = (self.start..=passed + self.ahead).contains(&offset);
            self.ahead = if is_near { WINDOW.min(self.ahead * 2) } else { FIRST_WINDOW };
            let reach = (offset + self.ahead.max(length)).min(limit.max(offset + length));
            return match self.fill(offset, reach) {
                Err(error) if is_damage(&error) => Ok(Stored::Damaged(MessageId(entry.id))),
                Err(error) => Err(error),
                Ok(()) => Ok(self.decode(entry)),
            };
        }
        Ok(self.decode(entry))
    }

    /// A record and nothing else.
    pub fn alone(&mut self, entry: &Entry) -> io::Result<Stored> {
        self.end = self.end.min(u64::from(entry.offset) + u64::from(entry.length));
        self.read(entry)
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
