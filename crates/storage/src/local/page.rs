//! A page of a subject: which messages come next, then their records, as many with one read as stand
//! near each other.

use super::{
    catalog::{Catalog, View},
    index::Entry,
    merging::{Merge, Place},
    reading::alone,
    record,
    sorted::is_damage,
};
use broker_core::{Message, MessageId, Page, ReadError, Stored, Subject};
use bytes::Bytes;
use std::{io, sync::Arc};

/// Bytes between two records that are read and not used, rather than reading twice.
const GAP: u64 = 4 * 1024;

/// Bytes read at once, unless a record is longer.
const STRETCH: u64 = 256 * 1024;

/// A record of this length that stands alone is not copied once more out of what was read.
const LONG: u32 = 4 * 1024;

/// A message of the page.
struct Pick<'a> {
    place: Place<'a>,
    entry: Entry,
}

impl Catalog {
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
        let mut merge = Merge::above(self, view, subject, after)?;
        let (mut picks, mut weight, mut is_full) = (Vec::new(), 0, false);
        merge.show(u64::MAX, |place, entry| {
            is_full = weight >= limit && !picks.is_empty();
            if !is_full {
                let content = (entry.length as usize).saturating_sub(record::FIXED);
                weight += Message::BOOKKEEPING + content;
                picks.push(Pick { place, entry: *entry });
            }
            is_full
        })?;
        let complete = (merge.complete < u64::MAX).then_some(merge.complete);
        let last = picks.last().map(|pick| pick.entry.id);
        let next = if is_full { last } else { complete };
        let messages = Vec::with_capacity(picks.len());
        let mut reader = Reader { catalog: self, view, subject, buffer: Vec::new(), messages };
        let mut rest = &picks[..];
        while !rest.is_empty() {
            let (stretch, behind) = rest.split_at(stretch(rest));
            reader.read(stretch)?;
            rest = behind;
        }
        Ok(Page { messages: reader.messages, next: next.map(MessageId) })
    }
}

/// How many of these records, from the first one on, are read at once.
fn stretch(picks: &[Pick<'_>]) -> usize {
    let first = &picks[0];
    let mut reach = first.entry.end();
    let joins = |pick: &&Pick<'_>| {
        let offset = u64::from(pick.entry.offset);
        let is_near = pick.place.segment() == first.place.segment()
            && (reach..=reach + GAP).contains(&offset)
            && pick.entry.end() - u64::from(first.entry.offset) <= STRETCH;
        reach = pick.entry.end();
        is_near
    };
    1 + picks[1..].iter().take_while(joins).count()
}

/// Reads records into messages.
struct Reader<'a> {
    catalog: &'a Catalog,
    view: &'a View,
    subject: &'a Subject,
    buffer: Vec<u8>,
    messages: Vec<Stored>,
}

impl Reader<'_> {
    fn read(&mut self, stretch: &[Pick<'_>]) -> io::Result<()> {
        let (first, last) = (&stretch[0], &stretch[stretch.len() - 1]);
        let (start, segment) = (u64::from(first.entry.offset), first.place.segment());
        let file = first.place.log(&self.catalog.files)?;
        if stretch.len() == 1 && first.entry.length >= LONG {
            let message = alone(file, segment, &first.entry)?;
            return self.add(first.entry.id, Some(message));
        }
        let length = usize::try_from(last.entry.end() - start).map_err(io::Error::other)?;
        let mut buffer = std::mem::take(&mut self.buffer);
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        let is_read = match file.read_at(&mut buffer[..length], start) {
            Ok(()) => true,
            Err(error) if is_damage(&error) => false,
            Err(error) => return Err(error),
        };
        for pick in stretch {
            let at = usize::try_from(u64::from(pick.entry.offset) - start);
            let at = at.map_err(io::Error::other)?;
            let record = &buffer[at..at + pick.entry.length as usize];
            let message = if is_read { self.decode(record, pick) } else { None };
            self.add(pick.entry.id, message)?;
        }
        self.buffer = buffer;
        Ok(())
    }

    /// The message of a whole record.
    fn decode(&self, record: &[u8], pick: &Pick<'_>) -> Option<Stored> {
        let head = record::whole_message(record, pick.place.segment())?;
        if head.number != pick.entry.id || head.subject != self.subject.as_bytes() {
            return None;
        }
        // Its own memory: the smallest message would hold what was read around it.
        let content = Bytes::copy_from_slice(head.content(record));
        let message = head.message(self.subject.clone(), content)?;
        Some(Stored::Message(Arc::new(message)))
    }

    /// Adds what was read. What is damaged is looked for once more: it may be mended, or whole in
    /// another segment.
    fn add(&mut self, id: u64, read: Option<Stored>) -> io::Result<()> {
        let stored = match read {
            Some(message @ Stored::Message(_)) => message,
            // An index has it: not to find it again is damage, too, and never a reason to pass it.
            Some(Stored::Damaged(_)) | None => self
                .catalog
                .try_fetch(self.view, self.subject, id)?
                .unwrap_or(Stored::Damaged(MessageId(id))),
        };
        self.messages.push(stored);
        Ok(())
    }
}
