//! Finding the last id of a subject.
//!
//! No call tells it, but Subscribe refuses an `after_id` above it (RESUME_AHEAD), so it can be closed in
//! on: a few subscriptions at once, none of which is sent a message, and each dropped when it is known
//! whether it stands. A subject of 1,000 messages takes 4 rounds of at most 16 calls, one of a million 6.

use crate::{Error, ErrorKind, Start, source::Source};
use futures_util::future::join_all;

/// Calls at once.
const PROBES: u64 = 16;
/// The highest id asked for in the first round.
const HIGHEST: u64 = 1 << (4 * (PROBES - 1));

/// The last id of the subject at a moment during this call; 0 when nothing was stored yet.
pub async fn newest(source: &Source) -> Result<u64, Error> {
    let mut range = Range::default();
    let grpc = source.without_messages();
    loop {
        let probes = range.probes();
        if probes.is_empty() {
            return Ok(range.low);
        }
        let asked = probes.iter().map(|&id| source.subscribe_over(grpc.clone(), Start::After(id)));
        let answers = join_all(asked).await;
        for (&id, answer) in probes.iter().zip(answers) {
            match answer {
                Ok(_stands) => range.stands(id),
                Err(error) if error.kind() == ErrorKind::ResumeAhead => range.is_ahead(id),
                Err(error) => return Err(error),
            }
        }
    }
}

/// What is known: a subscription after `low` stands, one after `high` was ahead.
#[derive(Debug, Default, PartialEq, Eq)]
struct Range {
    low: u64,
    high: Option<u64>,
}

impl Range {
    /// The ids to ask for next, ascending; none when it is known.
    fn probes(&self) -> Vec<u64> {
        match self.high.or((self.low >= HIGHEST).then_some(u64::MAX)) {
            // Each 16 times the one before: few rounds for few messages, and none too high.
            None => (0..PROBES).map(|step| 1 << (4 * step)).filter(|&id| id > self.low).collect(),
            Some(high) => {
                let between = high - self.low - 1;
                let parts = PROBES.min(between);
                (1..=parts).map(|part| self.low + part_of(between + 1, part, parts + 1)).collect()
            }
        }
    }

    fn stands(&mut self, id: u64) {
        self.low = self.low.max(id);
        // Messages came meanwhile.
        self.high = self.high.filter(|&high| high > self.low);
    }

    fn is_ahead(&mut self, id: u64) {
        if id > self.low {
            self.high = Some(self.high.map_or(id, |high| high.min(id)));
        }
    }
}

fn part_of(whole: u64, part: u64, parts: u64) -> u64 {
    let product = u128::from(whole) * u128::from(part) / u128::from(parts);
    // At most the whole.
    u64::try_from(product).unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches, with a subject that grows to `last(round)` in the course of it: the answer, and rounds.
    fn search(last: impl Fn(u32) -> u64) -> (u64, u32) {
        let (mut range, mut rounds) = (Range::default(), 0);
        loop {
            let probes = range.probes();
            if probes.is_empty() {
                return (range.low, rounds);
            }
            assert!(probes.len() <= 16 && probes.is_sorted_by(|a, b| a < b), "{probes:?}");
            for id in probes {
                if id <= last(rounds) { range.stands(id) } else { range.is_ahead(id) }
            }
            rounds += 1;
            assert!(rounds < 64, "it comes to no end");
        }
    }

    #[test]
    fn every_last_id_is_found() {
        for last in (0..3_000).chain([65_535, 65_536, 1 << 40, (1 << 56) - 1, 1 << 56, 1 << 60]) {
            assert_eq!(search(|_| last).0, last);
        }
    }

    #[test]
    fn it_takes_few_rounds() {
        assert_eq!(search(|_| 0).1, 1);
        assert_eq!(search(|_| 1_000), (1_000, 4));
        assert_eq!(search(|_| 1_000_000), (1_000_000, 6));
    }

    #[test]
    fn a_subject_that_grows_is_found_where_it_was_at_a_moment() {
        for step in [1, 7, 1_000, 100_000] {
            let last = |round: u32| 500 + u64::from(round) * step;
            let (found, rounds) = search(last);
            assert!((500..=last(rounds)).contains(&found), "{found}");
        }
    }
}
