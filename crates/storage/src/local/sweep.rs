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
    segment::{HEAD, SegmentHead, Summary, index_name, log_name},
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

/// Copies forward. `Err` names a segment that has a damaged living message and so must stay. After any
/// failure nothing has changed and no space is taken.
pub fn copy_forward(
    catalog: &Catalog,
    gate: &Gate,
    view: &View,
    segments: &[Arc<Sealed>],
    now: Timestamp,
) -> io::Result<Result<Swept, u64>> {
    let mut outputs = BTreeMap::new();
    let copied = copy(catalog, gate, view, segments, now, &mut outputs);
    let mut outputs: Vec<Output> = outputs.into_values().collect();
    let swept = match copied {
        Ok(None) => finish(catalog, gate, &mut outputs, segments).map(Ok),
        Ok(Some(damaged)) => Ok(Err(damaged)),
        Err(error) => Err(error),
    };
    if !matches!(swept, Ok(Ok(_))) {
        discard(catalog, &outputs);
    }
    swept
}

/// Copies what lives to an output for each class; answers a segment in which such a message is damaged.
fn copy(
    catalog: &Catalog,
    gate: &Gate,
    view: &View,
    segments: &[Arc<Sealed>],
    now: Timestamp,
    outputs: &mut BTreeMap<u8, Output>,
) -> io::Result<Option<u64>> {
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
                return Ok(Some(segment.number));
            };
            let output = match outputs.entry(class(entry.expires_at, now)) {
                Entry::Occupied(output) => output.into_mut(),
                Entry::Vacant(place) => place.insert(Output::new(catalog, gate)?),
            };
            output.put(&message)?;
        }
    }
    Ok(None)
}

/// Takes back what was written. The output that names the replaced segments goes first, and for sure:
/// alone, it would let a start unlink messages that only the others have.
fn discard(catalog: &Catalog, outputs: &[Output]) {
    for output in outputs.iter().rev() {
        let gone = if output.is_placed {
            let unlinked = catalog.files.unlink(&log_name(output.number));
            unlinked.and_then(|()| catalog.files.disk().sync_directory())
        } else {
            catalog.files.unlink(&output.aside())
        };
        if gone.is_err() {
            // Placed, all are in force after the next start; else that start removes them.
            return;
        }
        // The next start removes it otherwise.
        let _ = catalog.files.unlink(&index_name(output.number));
    }
}

fn finish(
    catalog: &Catalog,
    gate: &Gate,
    outputs: &mut [Output],
    segments: &[Arc<Sealed>],
) -> io::Result<Swept> {
    let generation = 1 + segments.iter().map(|one| one.summary.generation).max().unwrap_or(0);
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
    let (mut swept, mut new) = (Swept::default(), Vec::new());
    for output in outputs {
        let summary = Summary::of(&output.index, time, output.end, generation);
        output.index.write(&catalog.files, output.number, &summary.encode())?;
        catalog.files.rename(&output.aside(), &log_name(output.number))?;
        output.is_placed = true;
        catalog.files.disk().sync_directory()?;
        let sealed = Arc::new(Sealed::open(&catalog.files, output.number)?);
        swept.messages += summary.messages;
        swept.bytes += sealed.bytes();
        new.push(sealed);
    }
    // At once, so that no reader finds a message missing or a failure lists a part.
    list(catalog, gate, &new, |view| {
        let mut sealed = (*view.sealed).clone();
        sealed.retain(|number, _| !replaced.contains(number));
        view.sealed = Arc::new(sealed);
    })?;
    Ok(swept)
}

/// A segment that is being written aside.
struct Output {
    number: u64,
    file: Arc<dyn DiskFile>,
    index: Index,
    buffer: Vec<u8>,
    end: u64,
    /// It has its name.
    is_placed: bool,
}

impl Output {
    fn new(catalog: &Catalog, gate: &Gate) -> io::Result<Self> {
        let number = gate.next_segment();
        let file = catalog.files.disk().create(&format!("{}.new", log_name(number)))?;
        Ok(Self {
            number,
            file,
            index: Index::default(),
            buffer: Vec::new(),
            end: HEAD,
            is_placed: false,
        })
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
