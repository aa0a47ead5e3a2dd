//! The audit: every message that came is held against what its publisher was told.

mod follower;
#[cfg(test)]
mod tests;

pub use follower::{Follower, has_lifetime};

use super::ledger::{Answer, Ledger};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, fmt};

/// The bodies of messages that only make a subscriber hear of what it lost name this publisher.
pub const NUDGE: u32 = u32::MAX;

/// What a broker must never do, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// Acknowledged, and not there; of delivered-only messages those that nobody was told of.
    pub lost: u64,
    /// Came a second time.
    pub duplicated: u64,
    /// Came behind a later one of its publisher, or with an id that is not above the one before.
    pub reordered: u64,
    /// Withheld before it expired.
    pub early: u64,
    /// Shown after it expired.
    pub late: u64,
    /// Another content, subject, id or lifetime than was published or acknowledged; refused, never
    /// sent, and there all the same; more told as missed than were missing.
    pub wrong: u64,
}

/// What an audit found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Messages looked at: deliveries, fetches, and acknowledgements where nobody listened.
    pub checked: u64,
    pub faults: Faults,
    /// Delivered-only messages that subscribers were told they lost: allowed, and no fault.
    pub missed: u64,
    /// Messages that would have come behind the end of a subscription that was cut off: an error, by
    /// which nothing is said of them.
    pub unseen: u64,
    /// Messages whose publisher does not know whether they are stored: nothing is expected of them.
    pub unknown: u64,
}

impl Faults {
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.early += other.early;
        self.late += other.late;
        self.wrong += other.wrong;
    }
}

impl Audit {
    pub fn add(&mut self, other: Self) {
        self.checked += other.checked;
        self.faults.add(other.faults);
        self.missed += other.missed;
        self.unseen += other.unseen;
        self.unknown += other.unknown;
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Faults { lost, duplicated, reordered, early, late, wrong } = self.faults;
        write!(f, "{} checked: {lost} lost, {duplicated} duplicated, ", self.checked)?;
        write!(f, "{reordered} reordered, {early} early, {late} late, {wrong} wrong")?;
        if self.missed > 0 {
            write!(f, "; {} told as missed", self.missed)?;
        }
        if self.unseen > 0 {
            write!(f, "; {} unseen behind a cut-off", self.unseen)?;
        }
        if self.unknown > 0 {
            write!(f, "; {} of unknown outcome", self.unknown)?;
        }
        Ok(())
    }
}

/// Which message goes to which subject: publishers go round the subjects, each from another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    pub subjects: u64,
}

impl Layout {
    /// The subject of that publisher's message of that number.
    pub fn subject(self, publisher: u32, number: u64) -> u64 {
        (u64::from(publisher) + number) % self.subjects
    }

    /// Which of that publisher's messages to its subject it is, from 0.
    fn place(self, number: u64) -> u64 {
        number / self.subjects
    }

    /// The number of that publisher's message of that place on that subject.
    fn number(self, publisher: u32, subject: u64, place: u64) -> u64 {
        let first = subject + self.subjects - u64::from(publisher) % self.subjects;
        place * self.subjects + first % self.subjects
    }
}

/// What a subject has to hold of one publisher.
#[derive(Debug, Clone, Default)]
struct Expected {
    sent: u64,
    /// Of the numbers and ids that were acknowledged.
    digest: u64,
    unknown: bool,
    refused: Vec<u64>,
}

/// What all publishers were told, sorted by subject.
pub struct Accounts<'a> {
    ledgers: &'a [Ledger],
    layout: Layout,
    /// By subject and publisher.
    expected: HashMap<(u64, u32), Expected>,
}

impl<'a> Accounts<'a> {
    pub fn new(ledgers: &'a [Ledger], layout: Layout) -> Self {
        let mut expected: HashMap<_, Expected> = HashMap::new();
        for (ledger, publisher) in ledgers.iter().zip(0..) {
            for number in 0..ledger.sent() {
                let subject = layout.subject(publisher, number);
                let expected = expected.entry((subject, publisher)).or_default();
                expected.push(number, ledger.answer(number));
            }
        }
        Self { ledgers, layout, expected }
    }

    /// Messages of a subject that were acknowledged, or may be there.
    pub fn goal(&self, subject: u64) -> u64 {
        let publishers = (0..).take(self.ledgers.len());
        let of_subject = publishers.filter_map(|one| self.expected.get(&(subject, one)));
        of_subject.map(|expected| expected.sent - expected.refused.len() as u64).sum()
    }

    /// Messages nobody knows the outcome of.
    pub fn unknown(&self) -> u64 {
        self.ledgers.iter().map(Ledger::unknown).sum()
    }

    /// Holds what followers saw against what publishers were told. Each subject was sent so many nudges.
    pub fn settle(&self, followers: &[Follower], nudges: u64) -> Audit {
        let (mut audit, nothing) = (Audit::default(), Expected::default());
        for follower in followers {
            audit.checked += follower.received();
            audit.faults.add(follower.faults());
            let mut missing = 0;
            for (at, publisher) in (0..self.ledgers.len()).zip(0..) {
                let expected = self.expected.get(&(follower.subject(), publisher));
                let expected = expected.unwrap_or(&nothing);
                missing += self.settle_lane(follower, at, expected, &mut audit);
            }
            let told = follower.missed();
            audit.missed += told.min(missing);
            audit.faults.lost += missing.saturating_sub(told);
            let unseen = nudges.saturating_sub(follower.nudges());
            audit.faults.wrong += told.saturating_sub(missing + unseen);
        }
        audit
    }

    /// One publisher's messages on one subscription; answers the delivered-only ones that did not come.
    fn settle_lane(
        &self,
        follower: &Follower,
        at: usize,
        expected: &Expected,
        audit: &mut Audit,
    ) -> u64 {
        let faults = &mut audit.faults;
        let (lane, ledger) = (follower.lane(at), &self.ledgers[at]);
        let publisher = u32::try_from(at).unwrap_or(NUDGE);
        let (mut due, mut missing) = (expected.digest, 0);
        for place in lane.gaps.iter().chain(lane.next..expected.sent) {
            let number = self.layout.number(publisher, follower.subject(), place);
            let Some(Answer::Acknowledged(id)) = ledger.answer(number) else { continue };
            due = due.wrapping_sub(digest(number, id));
            if follower.is_cut_off() && place >= lane.next {
                audit.unseen += 1;
            } else if id == 0 {
                missing += 1;
            } else {
                faults.lost += 1;
            }
        }
        faults.wrong += lane.next.saturating_sub(expected.sent);
        let mut gaps = lane.gaps.clone();
        let came = |place: &&u64| **place < lane.next && !gaps.take(**place);
        let refused = expected.refused.iter().filter(came).count() as u64;
        faults.wrong += refused;
        // Where nothing is in doubt, the ids must be those that were acknowledged.
        let is_sure = !expected.unknown && refused == 0 && lane.next <= expected.sent;
        if is_sure && lane.digest != due {
            faults.wrong += 1;
        }
        missing
    }
}

impl Expected {
    fn push(&mut self, number: u64, answer: Option<Answer>) {
        match answer {
            Some(Answer::Acknowledged(id)) => {
                self.digest = self.digest.wrapping_add(digest(number, id));
            }
            Some(Answer::Refused) => self.refused.push(self.sent),
            Some(Answer::Unknown) | None => self.unknown = true,
        }
        self.sent += 1;
    }
}

/// Sums of these are equal only for the same pairs, whatever their order, but by a chance of one in 2^64.
fn digest(number: u64, id: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ id.wrapping_add(0x7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
