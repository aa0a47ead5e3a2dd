//! Copying forward what lives in mostly dead segments.
//!
//! The living messages go to new segments of an older generation, one for each class of remaining
//! lifetime, so that what is together expires together. All of it is made durable under names aside; the
//! last ids are merged into the `subjects` file; then the new segments take their names, the one that
//! names the replaced segments last. A crash before that leaves the old segments in force (what is there
//! twice is shown once), a crash after it lets the next start unlink them.

use super::{
    catalog::{Catalog, Sealed, View},
    disk::DiskFile,
    gate::Gate,
    index::{self, Index, number, split_key},
    reading::Window,
    record,
    segment::{HEAD, SegmentHead, Summary, log_name},
    subjects,
    upkeep::{is_living, list},
};
use broker_core::{Message, Stored, Timestamp};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    io,
    sync::Arc,
};

/// What was copied.
#[derive(Debug, Clone, Copy, Default)]
pub struct Swept {
    pub messages: u64,
    pub bytes: u64,
}

const MINUTE: i64 = 60 * 1_000_000_000;

/// Bytes of an output that wait in memory.
const BUFFER: usize = 1024 * 1024;

/// The class of a remaining lifetime.
fn class(expires_at: i64, now: Timestamp) -> u8 {
    if expires_at == i64::MAX {
        return 4;
    }
    match expires_at.saturating_sub(now.0) / MINUTE {
        ..10 => 0,
        10..360 => 1,
        360..10_080 => 2,
        _ => 3,
    }
}

/// Copies forward. `Err` names a segment that has a damaged living message and so must stay.
pub fn copy_forward(
    catalog: &Catalog,
    gate: &Gate,
    view: &View,
    segments: &[Arc<Sealed>],
    now: Timestamp,
) -> io::Result<Result<Swept, u64>> {
    let mut outputs: BTreeMap<u8, Output> = BTreeMap::new();
    for segment in segments {
        let mut window =
            Window::new(segment.log(&catalog.files)?, segment.number, segment.summary.end);
        let mut cursor = segment.index.cursor(&catalog.files, &[])?;
        while let Some((key, value)) = cursor.next()? {
            let (subject, id) = split_key(&key)?;
            let entry = index::Entry::of(number(id)?, &value)?;
            if !is_living(view, subject, &entry, now) {
                continue;
            }
            let Stored::Message(message) = window.read(&entry)? else {
                discard(catalog, outputs)?;
                return Ok(Err(segment.number));
            };
            let class = class(entry.expires_at, now);
            let output = match outputs.entry(class) {
                Entry::Occupied(output) => output.into_mut(),
                Entry::Vacant(place) => place.insert(Output::new(catalog, gate)?),
            };
            output.put(&message)?;
        }
    }
    let generation = 1 + segments.iter().map(|one| one.summary.generation).max().unwrap_or(0);
    let outputs: Vec<Output> = outputs.into_values().collect();
    finish(catalog, gate, outputs, segments, generation).map(Ok)
}

fn discard(catalog: &Catalog, outputs: BTreeMap<u8, Output>) -> io::Result<()> {
    outputs.values().try_for_each(|output| catalog.files.unlink(&output.aside()))
}

fn finish(
    catalog: &Catalog,
    gate: &Gate,
    mut outputs: Vec<Output>,
    segments: &[Arc<Sealed>],
    generation: u64,
) -> io::Result<Swept> {
    let replaced: Vec<u64> = segments.iter().map(|segment| segment.number).collect();
    let time = gate.kept_time().0;
    let last = outputs.len().saturating_sub(1);
    for (at, output) in outputs.iter_mut().enumerate() {
        let head = SegmentHead {
            generation,
            time,
            subjects_version: gate.subjects_version(),
            replaces: if at == last { replaced.clone() } else { Vec::new() },
        };
        output.finish(&head)?;
    }
    subjects::merge(catalog, gate, segments)?;
    let mut swept = Swept::default();
    for output in outputs {
        let summary = Summary::of(&output.index, time, output.end, generation);
        output.index.write(&catalog.files, output.number, &summary.encode())?;
        catalog.files.rename(&output.aside(), &log_name(output.number))?;
        catalog.files.disk().sync_directory()?;
        let sealed = Arc::new(Sealed::open(&catalog.files, output.number)?);
        swept.messages += summary.messages;
        swept.bytes += sealed.bytes();
        list(catalog, gate, sealed, |_| {})?;
    }
    Ok(swept)
}

/// A segment that is being written aside.
struct Output {
    number: u64,
    file: Arc<dyn DiskFile>,
    index: Index,
    buffer: Vec<u8>,
    end: u64,
}

impl Output {
    fn new(catalog: &Catalog, gate: &Gate) -> io::Result<Self> {
        let number = gate.next_segment();
        let file = catalog.files.disk().create(&format!("{}.new", log_name(number)))?;
        Ok(Self { number, file, index: Index::default(), buffer: Vec::new(), end: HEAD })
    }

    fn aside(&self) -> String {
        format!("{}.new", log_name(self.number))
    }

    fn put(&mut self, message: &Message) -> io::Result<()> {
        let offset = self.end + self.buffer.len() as u64;
        let length = record::put_message(message, self.number, &mut self.buffer);
        let narrow = |number: u64| u32::try_from(number).map_err(io::Error::other);
        let entry = index::Entry {
            id: message.id.0,
            offset: narrow(offset)?,
            length: narrow(length as u64)?,
            expires_at: message.expires_at.map_or(i64::MAX, |at| at.0),
        };
        self.index.insert(&message.subject, entry);
        if self.buffer.len() >= BUFFER {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_at(&self.buffer, self.end)?;
        self.end += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn finish(&mut self, head: &SegmentHead) -> io::Result<()> {
        let (end, time) = (self.end + self.buffer.len() as u64, Timestamp(head.time));
        record::put_mark(record::Kind::End, end, time, &[], self.number, &mut self.buffer);
        self.flush()?;
        self.file.write_at(&head.encode(self.number), 0)?;
        self.file.sync()
    }
}
