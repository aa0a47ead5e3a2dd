//! Counting what subjects keep.

use super::sequence::Sequence;
use broker_core::{IdRange, Subject, Tally, Timestamp};

/// Messages looked at in one call, a subject counted as one: some hundred microseconds, during which
/// appends wait.
const STEPS: usize = 4_096;

/// Counts in the first of these ranges, as far as one call goes.
pub fn tally<'a>(
    ranges: &[IdRange],
    kept: impl Fn(&Subject) -> Option<&'a Sequence>,
    now: Timestamp,
) -> Vec<Tally> {
    let (mut steps, mut tallies) = (STEPS, Vec::new());
    for range in ranges {
        if steps == 0 {
            break;
        }
        steps -= 1;
        let sequence = kept(&range.subject);
        tallies
            .push(sequence.map_or_else(Tally::default, |kept| part(range, kept, now, &mut steps)));
    }
    tallies
}

fn part(range: &IdRange, kept: &Sequence, now: Timestamp, steps: &mut usize) -> Tally {
    let mut tally = Tally::default();
    let mut last = range.after;
    for (id, kept) in kept.after(range.after) {
        if id > range.up_to {
            break;
        }
        if *steps == 0 {
            tally.next = Some(last);
            break;
        }
        *steps -= 1;
        last = id;
        if kept.expires_at.is_none_or(|at| at > now) {
            let bytes = kept.headers.as_bytes().len() + kept.body.len();
            tally.count(bytes as u64, kept.expires_at);
        }
    }
    tally
}
