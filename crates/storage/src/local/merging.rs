//! One subject's messages in the order of their ids, out of every segment that has some.

use super::{
    catalog::{Catalog, Sealed, Unsealed, View},
    files::Files,
    index::{Entry, key, number, split_key},
    reading::Window,
    sorted::Cursor,
};
use broker_core::{MessageId, Stored, Subject};
use std::{io, sync::Arc};

/// Segments looked at in one go.
const SPANS: usize = 32;

/// Entries of an index in memory taken in one go.
const ENTRIES: usize = 4_096;

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
        let (mut complete, mut sources) = (u64::MAX, Vec::new());
        for segment in view.unsealed() {
            let index = segment.index.read();
            let entries = index.entries(subject);
            let entries = &entries[entries.partition_point(|entry| entry.id <= after)..];
            if let Some(beyond) = entries.get(ENTRIES) {
                complete = complete.min(beyond.id - 1);
            }
            let entries = entries[..entries.len().min(ENTRIES)].to_vec();
            if let Some(first) = entries.first() {
                let (first, place) = (first.id, Place::Unsealed(segment));
                let rest = Rest::Memory(entries.into_iter());
                sources.push(Source { first, place, rest, window: None, head: None });
            }
        }
        let files = &catalog.files;
        let (spans, up_to) = view.directory.above(files, subject.as_bytes(), after, SPANS)?;
        complete = complete.min(up_to);
        for span in spans {
            if let Some(segment) = view.sealed.get(&span.segment) {
                let rest = Rest::Closed { subject, after };
                let (first, place) = (span.first.max(after + 1), Place::Sealed(segment));
                sources.push(Source { first, place, rest, window: None, head: None });
            }
        }
        Ok(Self { files, sources, complete, opened: 0 })
    }

    /// The next id, if it is not above `up_to` or what is complete. Sources are opened only when their
    /// turn comes.
    pub fn least(&mut self, up_to: u64) -> io::Result<Option<u64>> {
        let up_to = up_to.min(self.complete);
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

    /// Reads a message from the first source that has it whole, and passes it in all that have it.
    pub fn read(&mut self, id: u64) -> io::Result<Stored> {
        let mut best = Stored::Damaged(MessageId(id));
        for source in &mut self.sources {
            let Some(entry) = source.take(id) else { continue };
            if matches!(best, Stored::Damaged(_)) {
                best = source.window(self.files)?.read(&entry)?;
            }
        }
        Ok(best)
    }

    /// Shows the entries up to an id in order, until somebody has seen enough.
    pub fn show(
        &mut self,
        up_to: u64,
        mut is_enough: impl FnMut(&Entry) -> bool,
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
                if is_enough(&entry) {
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
    window: Option<Window>,
    head: Option<Entry>,
}

enum Place<'a> {
    Unsealed(&'a Arc<Unsealed>),
    Sealed(&'a Arc<Sealed>),
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
            Rest::Memory(entries) => entries.next(),
            Rest::File { subject, cursor } => match cursor.lend()? {
                Some((found, value)) => {
                    let (of, id) = split_key(found)?;
                    let is_same = of == subject.as_bytes();
                    if is_same { Some(Entry::of(number(id)?, value)?) } else { None }
                }
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

    fn window(&mut self, files: &Files) -> io::Result<&mut Window> {
        let window = match self.window.take() {
            Some(window) => window,
            None => match self.place {
                Place::Unsealed(segment) => {
                    Window::new(segment.file.clone(), segment.number, u64::MAX)
                }
                Place::Sealed(segment) => Window::of(segment, files)?,
            },
        };
        Ok(self.window.insert(window))
    }
}
