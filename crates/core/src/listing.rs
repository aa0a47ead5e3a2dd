//! What an operator sees of subjects: names, last ids, and what is kept.
//!
//! Nothing here shows an id above its subject's released one, even if the store has it. The work of
//! one call is bounded: a page ends early where the store has much to count, and the next page goes
//! on within the subject.

#[cfg(test)]
mod tests;

use crate::{
    CountError, IdRange, ListingError, MessageId, ReadFailure, Subject, Tally, Timestamp,
    shared::{Phase, Shared},
};
use std::ops::Bound;

/// Which subjects are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListingQuery {
    /// Only names that begin with this; `None`: all.
    pub prefix: Option<Subject>,
    /// Where the page before ended; `None`: the first page.
    pub after: Option<Place>,
    /// Subjects in the page, from 1 to [`crate::Limits::listed_subjects`]; what is beyond is taken for
    /// the nearest of them.
    pub limit: usize,
}

/// A place in the order of all subjects and their messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The subject.
    pub subject: Subject,
    /// Behind the subject's message of this id; `None`: behind all of its messages.
    pub id: Option<MessageId>,
}

/// What an operator sees of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSubject {
    /// Its name.
    pub subject: Subject,
    /// Its last released id.
    pub last_id: MessageId,
    /// What a subscriber that starts with [`crate::Start::Retained`] would be given of it now.
    pub kept: Tally,
}

/// Some subjects in the order of their bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// The subjects. If `next` has an id, of the last one only a part is counted: the next page begins
    /// with the same subject and the count of its next part.
    pub subjects: Vec<ListedSubject>,
    /// Where the next page begins; `None`: there is none.
    pub next: Option<Place>,
}

/// What a subject keeps up to an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Its last released id.
    pub last_id: MessageId,
    /// The id up to which it was to be counted.
    pub up_to: MessageId,
    /// What is kept. [`Tally::next`] says where to go on if that was too much for one call.
    pub kept: Tally,
}

/// A page of subjects.
pub async fn list(shared: &Shared, query: &ListingQuery) -> Result<Listing, ListingError> {
    match shared.phase() {
        Phase::Open => {}
        Phase::Closing => return Err(ListingError::Closing),
        Phase::Standby => return Err(ListingError::Standby),
    }
    let limit = query.limit.clamp(1, shared.limits.listed_subjects);
    let names = shared.storage.subjects(query.from(), limit).await;
    let mut names = names.map_err(|error| shared.read_failure(error))?;
    let mut is_last = names.len() < limit;
    if let Some(prefix) = &query.prefix {
        let inside = names.partition_point(|one| one.subject.as_str().starts_with(prefix.as_str()));
        is_last |= inside < names.len();
        names.truncate(inside);
    }
    let end = names.last().map(|one| Place { subject: one.subject.clone(), id: None });

    let (mut subjects, mut ranges) = (Vec::new(), Vec::new());
    for one in names {
        // Asked after the store: what the store had then and the lane has not released is not shown.
        let released = shared.lanes.get(&one.subject).map(|lane| lane.released());
        let last_id = released.unwrap_or(one.last_id);
        if last_id.is_none() {
            continue;
        }
        let after = query.within(&one.subject).unwrap_or(MessageId::NONE);
        ranges.push(IdRange { subject: one.subject.clone(), after, up_to: last_id });
        subjects.push(ListedSubject { subject: one.subject, last_id, kept: Tally::default() });
    }
    let wanted = ranges.len();
    let counted = count_all(shared, ranges, shared.clock.now()).await?;
    let is_cut = counted.len() < wanted || counted.last().is_some_and(|kept| kept.next.is_some());
    subjects.truncate(counted.len());
    for (subject, kept) in subjects.iter_mut().zip(counted) {
        subject.kept = kept;
    }
    let next = match subjects.last() {
        Some(last) if is_cut => Some(Place { subject: last.subject.clone(), id: last.kept.next }),
        _ if is_last => None,
        _ => end,
    };
    Ok(Listing { subjects, next })
}

/// What a subject keeps above one id and up to another (`None`: its last one).
pub async fn count(
    shared: &Shared,
    subject: Subject,
    after: MessageId,
    up_to: Option<MessageId>,
) -> Result<Count, CountError> {
    match shared.phase() {
        Phase::Open => {}
        Phase::Closing => return Err(CountError::Closing),
        Phase::Standby => return Err(CountError::Standby),
    }
    let last_id = shared.last_id(&subject).await?;
    if last_id.is_none() {
        return Err(CountError::NeverUsed);
    }
    let up_to = up_to.unwrap_or(last_id);
    if up_to > last_id {
        return Err(CountError::Ahead { up_to, last: last_id });
    }
    let range = IdRange { subject, after, up_to };
    let counted = count_all(shared, vec![range], shared.clock.now()).await?;
    Ok(Count { last_id, up_to, kept: counted.first().copied().unwrap_or_default() })
}

/// Counts in the first of these ranges, as far as so many calls of the store go: in one of them, at
/// least in a part of it.
async fn count_all(
    shared: &Shared,
    mut ranges: Vec<IdRange>,
    now: Timestamp,
) -> Result<Vec<Tally>, ReadFailure> {
    let mut counted: Vec<Tally> = Vec::new();
    let (mut done, mut calls) = (0, 0);
    while done < ranges.len() && calls < shared.limits.tallies {
        calls += 1;
        let parts = shared.storage.tally(ranges[done..].to_vec(), now).await;
        for part in parts.map_err(|error| shared.read_failure(error))? {
            if counted.len() == done {
                counted.push(Tally::default());
            }
            counted[done].add(&part);
            match part.next {
                Some(next) => ranges[done].after = next,
                None => done += 1,
            }
        }
    }
    Ok(counted)
}

impl ListingQuery {
    /// The first name of the page.
    fn from(&self) -> Bound<&Subject> {
        let prefix = self.prefix.as_ref();
        match &self.after {
            Some(place) if prefix.is_none_or(|prefix| place.subject >= *prefix) => match place.id {
                Some(_) => Bound::Included(&place.subject),
                None => Bound::Excluded(&place.subject),
            },
            _ => prefix.map_or(Bound::Unbounded, Bound::Included),
        }
    }

    /// The id behind which the page goes on in this subject.
    fn within(&self, subject: &Subject) -> Option<MessageId> {
        self.after.as_ref().filter(|place| place.subject == *subject)?.id
    }
}
