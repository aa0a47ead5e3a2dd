//! The `subjects` file: the last id of every subject whose segments are gone, for good.
//!
//! A sorted file of subjects and last ids. Before a segment is unlinked, its last ids are merged into a
//! new file, which is written aside, synced and renamed; its name carries its version. The foot's note is
//! the broker's time then.

use super::{
    catalog::{Catalog, Sealed},
    directory::SegmentSpans,
    files::Files,
    gate::Gate,
    index::split_key,
    record::u64_at,
    sorted::{Cursor, SortedFile, SortedWriter},
};
use std::{io, sync::Arc};

/// The name of a version's file.
pub fn subjects_name(version: u64) -> String {
    format!("{version:016x}.subjects")
}

/// Opens a version's file.
pub fn open(files: &Files, version: u64) -> io::Result<SortedFile> {
    SortedFile::open(files, &subjects_name(version), version)
}

/// Merges the last ids of these segments into a new version.
pub fn merge(catalog: &Catalog, gate: &Gate, segments: &[Arc<Sealed>]) -> io::Result<()> {
    let files = &catalog.files;
    let old = catalog.view().subjects;
    let version = gate.subjects_version() + 1;
    let mut sources = Vec::new();
    if let Some(old) = &old {
        sources.push(Source::new(From::Old(old.cursor(files, &[])?))?);
    }
    for segment in segments {
        sources.push(Source::new(From::Segment(SegmentSpans::new(files, segment)?))?);
    }
    files.place(&subjects_name(version), |file| {
        let mut writer = SortedWriter::new(file, version, 8);
        write(sources, &mut writer)?;
        writer.finish(&gate.kept_time().0.to_le_bytes())
    })?;
    files.disk().sync_directory()?;
    let new = Arc::new(open(files, version)?);
    catalog.change(|view| view.subjects = Some(new));
    gate.set_subjects_version(version);
    if let Some(old) = old {
        files.unlink(&old.name)?;
    }
    Ok(())
}

fn write(mut sources: Vec<Source<'_>>, writer: &mut SortedWriter) -> io::Result<()> {
    loop {
        let heads = sources.iter().filter_map(|source| source.head.as_ref());
        let Some(subject) = heads.map(|(subject, _)| subject).min().cloned() else { return Ok(()) };
        let mut last = 0;
        for source in &mut sources {
            while let Some((_, id)) = source.head.take_if(|(head, _)| *head == subject) {
                last = last.max(id);
                source.advance()?;
            }
        }
        writer.push(&subject, &last.to_le_bytes())?;
    }
}

/// Subjects and last ids in order.
struct Source<'a> {
    from: From<'a>,
    head: Option<(Vec<u8>, u64)>,
}

enum From<'a> {
    Old(Cursor<'a>),
    Segment(SegmentSpans<'a>),
}

impl<'a> Source<'a> {
    fn new(from: From<'a>) -> io::Result<Self> {
        let mut source = Self { from, head: None };
        source.advance()?;
        Ok(source)
    }

    fn advance(&mut self) -> io::Result<()> {
        self.head = match &mut self.from {
            From::Old(cursor) => {
                cursor.next()?.map(|(subject, value)| (subject, u64_at(&value, 0)))
            }
            From::Segment(spans) => match spans.next()? {
                Some((key, last)) => Some((split_key(&key)?.0.to_vec(), last)),
                None => None,
            },
        };
        Ok(())
    }
}
