//! Listing subjects, and counting what they keep.
//!
//! A name costs a search in each run of the directory and in the `subjects` file. Counting looks at the
//! entries of the indexes, which have size and expiry of each message; no message is read.

use super::{
    catalog::{Catalog, View},
    index::Index,
    merging::Merge,
    record,
};
use broker_core::{IdRange, MessageId, ReadError, Subject, SubjectSummary, Tally, Timestamp};
use parking_lot::RwLock;
use std::{collections::BTreeSet, io, ops::Bound};

/// Names of an index in memory looked at while it is held: some ten microseconds.
const NAMES: usize = 4_096;

/// Entries looked at for one tally, in about two milliseconds.
const STEPS: usize = 65_536;

/// What a search in a file counts as in entries: a few blocks are read for it.
const SEARCH: usize = 64;

impl Catalog {
    /// Subjects from a name on, in order.
    pub fn subjects(
        &self,
        from: Bound<&Subject>,
        limit: usize,
    ) -> Result<Vec<SubjectSummary>, ReadError> {
        self.retry(|| self.try_subjects(&self.view(), from, limit))
    }

    fn try_subjects(
        &self,
        view: &View,
        from: Bound<&Subject>,
        limit: usize,
    ) -> io::Result<Vec<SubjectSummary>> {
        let mut least = match from {
            Bound::Unbounded => String::new(),
            Bound::Included(name) => name.as_str().to_owned(),
            Bound::Excluded(name) => behind(name),
        };
        let mut named = Names { least: least.clone(), limit, first: BTreeSet::new() };
        for segment in view.unsealed() {
            named.add_index(&segment.index);
        }
        view.purges.look(|purges| named.add(purges.keys()));
        let mut summaries = Vec::new();
        while summaries.len() < limit {
            let Some(subject) = self.next_subject(view, &least, &named)? else { break };
            least = behind(&subject);
            let last_id = MessageId(self.try_last_id(view, &subject)?);
            summaries.push(SubjectSummary { subject, last_id });
        }
        Ok(summaries)
    }

    /// The first subject that is not below a text.
    fn next_subject(&self, view: &View, least: &str, named: &Names) -> io::Result<Option<Subject>> {
        let mut next = view.directory.next_subject(&self.files, least.as_bytes())?;
        if let Some(subjects) = &view.subjects
            && let Some((found, _)) = subjects.cursor(&self.files, least.as_bytes())?.next()?
            && next.as_ref().is_none_or(|next| found < *next)
        {
            next = Some(found);
        }
        if let Some(subject) =
            named.first.range::<str, _>((Bound::Included(least), Bound::Unbounded)).next()
            && next.as_deref().is_none_or(|next| subject.as_bytes() < next)
        {
            return Ok(Some(subject.clone()));
        }
        next.map(|name| Subject::from_bytes(&name).map_err(io::Error::other)).transpose()
    }

    /// Counts in the first of these ranges, as far as one call goes.
    pub fn tally(&self, ranges: &[IdRange], now: Timestamp) -> Result<Vec<Tally>, ReadError> {
        self.retry(|| {
            let (view, mut steps, mut tallies) = (self.view(), STEPS, Vec::new());
            for range in ranges {
                if steps == 0 {
                    break;
                }
                tallies.push(self.tally_part(&view, range, now, &mut steps)?);
            }
            Ok(tallies)
        })
    }

    fn tally_part(
        &self,
        view: &View,
        range: &IdRange,
        now: Timestamp,
        steps: &mut usize,
    ) -> io::Result<Tally> {
        let (mut tally, up_to) = (Tally::default(), range.up_to.0);
        let mut after = range.after.0.max(view.purged(&range.subject));
        let content_at = record::FIXED + range.subject.as_bytes().len();
        while after < up_to {
            let searched = SEARCH * (1 + 2 * view.directory.runs.len());
            *steps = steps.saturating_sub(searched);
            let mut merge = Merge::above(self, view, &range.subject, after)?;
            let mut is_enough = false;
            merge.show(up_to, |_, entry| {
                let expires_at = (entry.expires_at != i64::MAX).then_some(entry.expires_at);
                if expires_at.is_none_or(|at| at > now.0) {
                    let content = (entry.length as usize).saturating_sub(content_at);
                    tally.count(content as u64, expires_at.map(Timestamp));
                }
                after = entry.id;
                *steps = steps.saturating_sub(1);
                is_enough = *steps == 0;
                is_enough
            })?;
            *steps = steps.saturating_sub(SEARCH * merge.opened);
            if !is_enough {
                after = merge.complete;
            }
            if *steps == 0 && after < up_to {
                tally.next = Some(MessageId(after));
                return Ok(tally);
            }
        }
        Ok(tally)
    }
}

/// A text behind a subject and before every longer one: no subject has a control character.
fn behind(subject: &Subject) -> String {
    format!("{subject}\u{1}")
}

/// The first names that are not below a text, out of many that are in no order.
struct Names {
    least: String,
    limit: usize,
    first: BTreeSet<Subject>,
}

impl Names {
    /// Takes an index's names, letting go of it between parts so that appends are not held up.
    fn add_index(&mut self, index: &RwLock<Index>) {
        let mut passed = 0;
        loop {
            let index = index.read();
            let part = &index.names()[passed..];
            if part.is_empty() {
                return;
            }
            let part = &part[..part.len().min(NAMES)];
            self.add(part.iter());
            passed += part.len();
        }
    }

    fn add<'a>(&mut self, names: impl Iterator<Item = &'a Subject>) {
        for name in names {
            let is_wanted = name.as_str() >= self.least.as_str()
                && (self.first.len() < self.limit || Some(name) < self.first.last());
            if is_wanted && self.first.insert(name.clone()) && self.first.len() > self.limit {
                self.first.pop_last();
            }
        }
    }
}
