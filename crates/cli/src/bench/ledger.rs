//! What the publishers sent and what they were told.

use std::{collections::BTreeMap, fmt};

const UNKNOWN: u64 = u64::MAX;
const REFUSED: u64 = u64::MAX - 1;

/// What became of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Acknowledged; 0: delivered only.
    Acknowledged(u64),
    /// Surely not stored and not delivered.
    Refused,
    /// One or the other: nobody knows.
    Unknown,
}

/// The messages of one publisher, by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    // Eight bytes a message: millions are kept.
    answers: Vec<u64>,
}

/// Failed calls by their status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failures(pub BTreeMap<String, u64>);

impl Ledger {
    /// Of a publisher whose messages were numbered so, without a gap.
    pub fn of(answers: impl IntoIterator<Item = Answer>) -> Self {
        let mut ledger = Self::default();
        answers.into_iter().for_each(|answer| ledger.push(answer));
        ledger
    }

    /// The answer to the next message.
    pub fn push(&mut self, answer: Answer) {
        self.answers.push(match answer {
            Answer::Acknowledged(id) => id,
            Answer::Refused => REFUSED,
            Answer::Unknown => UNKNOWN,
        });
    }

    /// So many messages were sent: those without an answer may be stored or not.
    pub fn close(&mut self, sent: u64) {
        while self.sent() < sent {
            self.push(Answer::Unknown);
        }
    }

    pub fn sent(&self) -> u64 {
        self.answers.len() as u64
    }

    /// `None`: a message of that number was never sent.
    pub fn answer(&self, number: u64) -> Option<Answer> {
        let answer = self.answers.get(usize::try_from(number).ok()?)?;
        Some(match *answer {
            UNKNOWN => Answer::Unknown,
            REFUSED => Answer::Refused,
            id => Answer::Acknowledged(id),
        })
    }

    /// The number and the id of the first message that was stored.
    pub fn first(&self) -> Option<(u64, u64)> {
        let stored = |answer: &u64| (1..REFUSED).contains(answer);
        (0..).zip(self.answers.iter().copied()).find(|(_, answer)| stored(answer))
    }

    pub fn acknowledged(&self) -> u64 {
        self.answers.iter().filter(|answer| **answer < REFUSED).count() as u64
    }

    /// Of those acknowledged, the ones that were not delivered only.
    pub fn stored(&self) -> u64 {
        self.answers.iter().filter(|answer| (1..REFUSED).contains(*answer)).count() as u64
    }

    pub fn unknown(&self) -> u64 {
        self.answers.iter().filter(|answer| **answer == UNKNOWN).count() as u64
    }
}

impl Failures {
    pub fn count(&mut self, status: String) {
        *self.0.entry(status).or_default() += 1;
    }

    pub fn merge(&mut self, other: Self) {
        for (status, times) in other.0 {
            *self.0.entry(status).or_default() += times;
        }
    }
}

/// Their statuses, as the reason why a run cannot go on.
impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statuses: Vec<_> = self.0.keys().map(String::as_str).collect();
        f.write_str(&statuses.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_answer_is_unknown() {
        let mut ledger = Ledger::of([Answer::Acknowledged(7), Answer::Refused]);
        ledger.close(4);
        assert_eq!((ledger.sent(), ledger.acknowledged(), ledger.unknown()), (4, 1, 2));
        let mixed = Ledger::of([0, 7].map(Answer::Acknowledged));
        assert_eq!((mixed.stored(), mixed.first()), (1, Some((1, 7))));
        assert_eq!(ledger.answer(0), Some(Answer::Acknowledged(7)));
        assert_eq!(ledger.answer(1), Some(Answer::Refused));
        assert_eq!(ledger.answer(3), Some(Answer::Unknown));
        assert_eq!(ledger.answer(4), None);
    }
}
