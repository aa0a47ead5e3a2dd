//! One subject's messages in the order of their ids, out of every segment that has some.

use super::{
    catalog::{Catalog, Sealed, Unsealed, View},
    disk::DiskFile,
    files::Files,
    index::{Entry, key, number},
    sorted::Cursor,
};
use broker_core::Subject;
use std::{io, sync::Arc};

/// Segments looked at in one go.
const SPANS: usize = 32;

/// Entries of an index in memory taken in one go, so that appends are not held up.
const ENTRIES: usize = 256;

/// The entries of a subject above an id. What two segments have comes once.
pub struct Merge<'a> {
    files: &'a Files,
    sources: Vec<Source<'a>>,
    /// Up to this id they are all.
    pub complete: u64,
    /// Indexes that were searched in files.
    pub opened: usize,
}

impl<'a> Merge<'a> {
    /// What may have messages of a subject above an id.
    pub fn above(
        catalog: &'a Catalog,
        view: &'a View,
        subject: &'a Subject,
        after: u64,
    ) -> io::Result<Self> {
        let mut sources = Vec::new();
        for segment in view.unsealed() {
            let index = segment.index.read();
            if let Some(first) = index.above(subject, after).first() {
                let rest = Rest::Memory { subject, after, entries: Vec::new().into_iter() };
                let place = Place::Unsealed(segment);
                sources.push(Source { first: first.id, place, rest, head: None });
            }
        }
        let files = &catalog.files;
        let (spans, complete) = view.directory.above(files, subject.as_bytes(), after, SPANS)?;
        for span in spans {
            if let Some(segment) = view.sealed.get(&span.segment) {
                let rest = Rest::Closed { subject, after };
                let (first, place) = (span.first.max(after + 1), Place::Sealed(segment));
                sources.push(Source { first, place, rest, head: None });
            }
        }
        Ok(Self { files, sources, complete, opened: 0 })
    }

    /// The next id, if it is not above `up_to`. Sources are opened only when their turn comes.
    fn least(&mut self, up_to: u64) -> io::Result<Option<u64>> {
        loop {
            // Who may have the same message is opened before it is given, or it would be given twice.
            let waiting = self.sources.iter_mut().filter(|source| !source.is_done());
            let next = waiting.min_by_key(|source| (source.first, source.head.is_some()));
            let Some(source) = next else { return Ok(None) };
            if source.first > up_to {
                return Ok(None);
            }
            match source.head {
                Some(entry) => return Ok(Some(entry.id)),
                None => self.opened += usize::from(source.advance(self.files)?),
            }
        }
    }

    /// Shows the entries up to an id in order, each in one of the places that have it, until somebody
    /// has seen enough.
    pub fn show(
        &mut self,
        up_to: u64,
        mut is_enough: impl FnMut(Place<'a>, &Entry) -> bool,
    ) -> io::Result<()> {
        let up_to = up_to.min(self.complete);
        while let Some(id) = self.least(up_to)? {
            let (mut first, mut others) = (None, u64::MAX);
            for source in &mut self.sources {
                match source.take(id) {
                    Some(entry) if first.is_none() => first = Some((source, entry)),
                    _ if source.is_done() => {}
                    _ => others = others.min(source.first),
                }
            }
            let Some((source, mut entry)) = first else { return Ok(()) };
            // As long as it is below all others, it needs no comparing with them.
            loop {
                if is_enough(source.place, &entry) {
                    return Ok(());
                }
                source.advance(self.files)?;
                match source.head {
                    Some(next) if next.id <= up_to && next.id < others => entry = next,
                    _ => break,
                }
                source.take(entry.id);
            }
        }
        Ok(())
    }
}

/// One segment's messages of a subject.
struct Source<'a> {
    /// No message of it is below this id.
    first: u64,
    place: Place<'a>,
    rest: Rest<'a>,
    head: Option<Entry>,
}

/// The segment of an entry.
#[derive(Clone, Copy)]
pub enum Place<'a> {
    Unsealed(&'a Arc<Unsealed>),
    Sealed(&'a Arc<Sealed>),
}

impl Place<'_> {
    /// The segment's number.
    pub fn segment(self) -> u64 {
        match self {
            Self::Unsealed(segment) => segment.number,
            Self::Sealed(segment) => segment.number,
        }
    }

    /// The segment's file.
    pub fn log(self, files: &Files) -> io::Result<Arc<dyn DiskFile>> {
        match self {
            Self::Unsealed(segment) => Ok(segment.file.clone()),
            Self::Sealed(segment) => segment.log(files),
        }
    }
}

enum Rest<'a> {
    /// What was taken of it, and from where on more can be.
    Memory {
        subject: &'a Subject,
        after: u64,
        entries: std::vec::IntoIter<Entry>,
    },
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
    fn is_done(&self) -> bool {
        matches!(self.rest, Rest::Done) && self.head.is_none()
    }

    /// Goes to the next entry; whether the index had to be searched for it.
    fn advance(&mut self, files: &'a Files) -> io::Result<bool> {
        let mut is_searched = false;
        if let (Rest::Closed { subject, after }, Place::Sealed(segment)) = (&self.rest, &self.place)
        {
            let cursor = segment.index.cursor(files, &key(subject.as_bytes(), after + 1))?;
            self.rest = Rest::File { subject, cursor };
            is_searched = true;
        }
        self.head = match &mut self.rest {
            Rest::Memory { subject, after, entries } => {
                if entries.len() == 0
                    && let Place::Unsealed(segment) = self.place
                {
                    let index = segment.index.read();
                    let above = index.above(subject, *after);
                    let next = above[..above.len().min(ENTRIES)].to_vec();
                    *entries = next.into_iter();
                }
                let next = entries.next();
                *after = next.map_or(*after, |entry| entry.id);
                next
            }
            Rest::File { subject, cursor } => match cursor.lend()? {
                Some((found, value)) => match id_of(found, subject) {
                    Some(id) => Some(Entry::of(number(id)?, value)?),
                    None => None,
                },
                None => None,
            },
            Rest::Closed { .. } | Rest::Done => None,
        };
        match self.head {
            Some(entry) => self.first = entry.id,
            None => self.rest = Rest::Done,
        }
        Ok(is_searched)
    }

    /// Takes the entry it stands at, if it is that one. It is not done then: the next look advances it.
    fn take(&mut self, id: u64) -> Option<Entry> {
        let entry = self.head.take_if(|entry| entry.id == id)?;
        self.first = id.saturating_add(1);
        Some(entry)
    }
}

/// The id in a key of this subject.
fn id_of<'k>(key: &'k [u8], subject: &Subject) -> Option<&'k [u8]> {
    key.strip_prefix(subject.as_bytes())?.strip_prefix(&[0])
}
