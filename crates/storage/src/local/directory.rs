//! In which segments a subject has messages, found without asking every segment.
//!
//! For each sealed segment and subject there is one entry: the first id, the segment, the last id, and
//! the highest last id among the subject's entries up to this one. The entries are in a few sorted files
//! ("runs"): a sealed segment makes a small run, and runs of like size are merged into one, so that their
//! number grows with the logarithm of the number of segments.
//!
//! A run can always be made anew from the segments' indexes: one that is missing or damaged is.

use super::{
    catalog::Sealed,
    files::Files,
    index::{key, number, split_key},
    record::u64_at,
    sorted::{SortedFile, SortedWriter},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
};

/// The runs, largest first.
#[derive(Clone, Default)]
pub struct Directory {
    pub runs: Vec<Arc<Run>>,
}

/// One sorted file of entries.
pub struct Run {
    pub file: SortedFile,
    /// The segments it speaks of.
    pub segments: BTreeSet<u64>,
}

/// Where a subject has messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub first: u64,
    pub segment: u64,
    pub last: u64,
}

const VALUE: usize = 16;

/// A run is merged with the one before it unless that one is this many times larger.
const RATIO: u64 = 4;

/// The name of a run's file.
pub fn run_name(number: u64) -> String {
    format!("{number:016x}.directory")
}

impl Directory {
    /// Adds a sealed segment: writes a run, merged with those of like size. Answers the new directory
    /// and the runs that it no longer has.
    pub fn add(
        &self,
        files: &Files,
        run: u64,
        segment: &Sealed,
        living: &BTreeMap<u64, Arc<Sealed>>,
    ) -> io::Result<(Self, Vec<Arc<Run>>)> {
        let mut size = segment.index.entries;
        let mut keep = self.runs.len();
        while keep > 0 && self.runs[keep - 1].file.entries <= size.saturating_mul(RATIO) {
            keep -= 1;
            size += self.runs[keep].file.entries;
        }
        let merged = self.runs[keep..].to_vec();
        let mut segments: BTreeSet<u64> = merged
            .iter()
            .flat_map(|run| run.segments.iter().copied())
            .filter(|number| living.contains_key(number))
            .collect();
        segments.insert(segment.number);
        let run = write(files, run, segments, &merged, segment)?;
        let mut runs = self.runs[..keep].to_vec();
        runs.push(Arc::new(run));
        Ok((Self { runs }, merged))
    }

    /// Where the subject has messages that may be this one.
    pub fn holding(&self, files: &Files, subject: &[u8], id: u64) -> io::Result<Vec<Span>> {
        let mut spans = Vec::new();
        for run in &self.runs {
            let mut bound = key(subject, id);
            bound.extend_from_slice(&u64::MAX.to_be_bytes());
            run.spans_back(files, subject, bound, id, &mut spans)?;
        }
        Ok(spans)
    }

    /// The subject's spans that end above an id, by first id, at most about `limit`; and the id up to
    /// which they are all.
    pub fn above(
        &self,
        files: &Files,
        subject: &[u8],
        after: u64,
        limit: usize,
    ) -> io::Result<(Vec<Span>, u64)> {
        let mut spans = self.holding(files, subject, after.saturating_add(1))?;
        let mut complete = u64::MAX;
        for run in &self.runs {
            let mut cursor = run.file.cursor(files, &key(subject, after.saturating_add(2)))?;
            let mut taken = 0;
            while let Some((found, value)) = cursor.next()? {
                let Some(span) = span(subject, &found, &value)? else { break };
                if taken == limit {
                    complete = complete.min(span.first - 1);
                    break;
                }
                taken += 1;
                spans.push(span);
            }
        }
        spans.retain(|span| span.last > after && span.first <= complete);
        spans.sort_unstable();
        spans.dedup();
        Ok((spans, complete))
    }

    /// The highest id of a subject in any sealed segment, 0 for none.
    pub fn last_id(&self, files: &Files, subject: &[u8]) -> io::Result<u64> {
        let mut last = 0;
        for run in &self.runs {
            let mut bound = key(subject, u64::MAX);
            bound.extend_from_slice(&u64::MAX.to_be_bytes());
            if let Some((found, value)) = run.file.floor(files, &bound)?
                && span(subject, &found, &value)?.is_some()
            {
                last = last.max(u64_at(&value, 8));
            }
        }
        Ok(last)
    }

    /// The first subject whose keys are not below these bytes.
    pub fn next_subject(&self, files: &Files, least: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let mut next: Option<Vec<u8>> = None;
        for run in &self.runs {
            if let Some((found, _)) = run.file.cursor(files, least)?.next()? {
                let subject = split_key(&found)?.0;
                if next.as_deref().is_none_or(|next| subject < next) {
                    next = Some(subject.to_vec());
                }
            }
        }
        Ok(next)
    }
}

impl Run {
    /// Opens a run's file.
    pub fn open(files: &Files, number: u64) -> io::Result<Self> {
        let file = SortedFile::open(files, &run_name(number), number)?;
        let segments = decode_segments(&file.note);
        Ok(Self { file, segments })
    }

    /// Goes back from a bound through the subject's spans as long as one may reach up to `id`.
    fn spans_back(
        &self,
        files: &Files,
        subject: &[u8],
        mut bound: Vec<u8>,
        id: u64,
        spans: &mut Vec<Span>,
    ) -> io::Result<()> {
        while let Some((found, value)) = self.file.floor(files, &bound)? {
            let Some(span) = span(subject, &found, &value)? else { break };
            if u64_at(&value, 8) < id {
                break;
            }
            if span.last >= id {
                spans.push(span);
            }
            let Some(before) = below(found) else { break };
            bound = before;
        }
        Ok(())
    }
}

/// The highest key below this one that matters: its last number less one.
fn below(mut key: Vec<u8>) -> Option<Vec<u8>> {
    for byte in key.iter_mut().rev().take(16) {
        if *byte > 0 {
            *byte -= 1;
            return Some(key);
        }
        *byte = u8::MAX;
    }
    None
}

/// An entry as a span, if it is one of this subject.
fn span(subject: &[u8], found: &[u8], value: &[u8]) -> io::Result<Option<Span>> {
    let (of, numbers) = split_key(found)?;
    if of != subject {
        return Ok(None);
    }
    let (first, segment) = numbers.split_at(8.min(numbers.len()));
    Ok(Some(Span { first: number(first)?, segment: number(segment)?, last: u64_at(value, 0) }))
}

/// Merges runs and a segment's own spans into a new run.
fn write(
    files: &Files,
    number: u64,
    segments: BTreeSet<u64>,
    runs: &[Arc<Run>],
    segment: &Sealed,
) -> io::Result<Run> {
    let name = run_name(number);
    let mut sources: Vec<Box<dyn Spans + '_>> = vec![Box::new(SegmentSpans::new(files, segment)?)];
    for run in runs {
        sources.push(Box::new(OfRun { cursor: run.file.cursor(files, &[])?, kept: &segments }));
    }
    files.place(&name, |file| {
        let mut writer = SortedWriter::new(file, number, VALUE);
        merge(sources, &mut writer)?;
        writer.finish(&encode_segments(&segments))
    })?;
    Ok(Run { file: SortedFile::open(files, &name, number)?, segments })
}

fn merge(mut sources: Vec<Box<dyn Spans + '_>>, writer: &mut SortedWriter) -> io::Result<()> {
    let mut heads = Vec::new();
    for source in &mut sources {
        heads.push(source.next()?);
    }
    let (mut current, mut reach) = (Vec::new(), 0);
    while let Some(at) = least(&heads) {
        let next = sources[at].next()?;
        let Some((entry, last)) = std::mem::replace(&mut heads[at], next) else { continue };
        let subject = split_key(&entry)?.0;
        if subject != current {
            current = subject.to_vec();
            reach = 0;
        }
        reach = reach.max(last);
        writer.push(&entry, &[last.to_le_bytes(), reach.to_le_bytes()].concat())?;
    }
    Ok(())
}

/// Segments as ranges, first and last. What does not fit in a foot is left out: a start takes such
/// segments for unknown and adds them again, which changes nothing but its time.
fn encode_segments(segments: &BTreeSet<u64>) -> Vec<u8> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for segment in segments {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *segment => *last = *segment,
            _ => ranges.push((*segment, *segment)),
        }
    }
    let numbers = ranges.iter().take(250).flat_map(|(first, last)| [*first, *last]);
    numbers.flat_map(u64::to_le_bytes).collect()
}

fn decode_segments(note: &[u8]) -> BTreeSet<u64> {
    note.chunks_exact(16).flat_map(|range| u64_at(range, 0)..=u64_at(range, 8)).collect()
}

fn least(heads: &[Option<(Vec<u8>, u64)>]) -> Option<usize> {
    let with_key = heads.iter().enumerate().filter_map(|(at, head)| Some((&head.as_ref()?.0, at)));
    with_key.min().map(|(_, at)| at)
}

/// Entries in order: the key, and the last id.
trait Spans {
    fn next(&mut self) -> io::Result<Option<(Vec<u8>, u64)>>;
}

struct OfRun<'a> {
    cursor: super::sorted::Cursor<'a>,
    kept: &'a BTreeSet<u64>,
}

impl Spans for OfRun<'_> {
    fn next(&mut self) -> io::Result<Option<(Vec<u8>, u64)>> {
        while let Some((found, value)) = self.cursor.next()? {
            let segment = number(&found[found.len().saturating_sub(8)..])?;
            if self.kept.contains(&segment) {
                return Ok(Some((found, u64_at(&value, 0))));
            }
        }
        Ok(None)
    }
}

/// The spans of one segment, from its index.
pub struct SegmentSpans<'a> {
    cursor: super::sorted::Cursor<'a>,
    segment: u64,
    ahead: Option<Vec<u8>>,
}

impl<'a> SegmentSpans<'a> {
    pub fn new(files: &Files, segment: &'a Sealed) -> io::Result<Self> {
        let mut cursor = segment.index.cursor(files, &[])?;
        let ahead = cursor.next()?.map(|(key, _)| key);
        Ok(Self { cursor, segment: segment.number, ahead })
    }
}

impl Spans for SegmentSpans<'_> {
    fn next(&mut self) -> io::Result<Option<(Vec<u8>, u64)>> {
        self.next()
    }
}

impl SegmentSpans<'_> {
    /// The next subject's key and last id.
    pub fn next(&mut self) -> io::Result<Option<(Vec<u8>, u64)>> {
        let Some(mut entry) = self.ahead.take() else { return Ok(None) };
        let (subject, id) = split_key(&entry)?;
        let (subject, mut last) = (subject.to_vec(), number(id)?);
        while let Some((found, _)) = self.cursor.next()? {
            let (of, id) = split_key(&found)?;
            if of != subject {
                self.ahead = Some(found);
                break;
            }
            last = number(id)?;
        }
        entry.extend_from_slice(&self.segment.to_be_bytes());
        Ok(Some((entry, last)))
    }
}
