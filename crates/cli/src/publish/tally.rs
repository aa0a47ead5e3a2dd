//! What became of the lines.

use super::ranges::Ranges;
use broker_client::{Error, ErrorKind};

/// Refusals that are told one by one; of the rest only the number is.
const TOLD: u64 = 20;

/// Counts the answers, which come in the order of the lines.
#[derive(Debug)]
pub struct Tally {
    /// The line whose answer comes next.
    next: u64,
    pub acknowledged: u64,
    last_acknowledged: u64,
    /// Lines that were refused for what they are: the same line will be refused again.
    refused: u64,
    /// Lines that are surely not stored, through no fault of theirs.
    unsent: Ranges,
    /// Lines that may be stored or not.
    unknown: Ranges,
    /// What says most: that an outcome is unknown, or else the first failure.
    worst: Option<Fault>,
}

/// Why a line failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is too large: another line may do better.
    ItsOwn,
    /// It is surely not stored, and the lines behind would fail the same way.
    NotStored,
    /// It may be stored or not.
    Unknown,
}

impl Fault {
    pub fn of(error: &Error) -> Self {
        match error.kind() {
            _ if error.is_outcome_unknown() => Self::Unknown,
            ErrorKind::MessageTooLarge => Self::ItsOwn,
            _ => Self::NotStored,
        }
    }
}

/// A line that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed {
    pub line: u64,
    /// Worth being told at once. What breaks the stream is the same for all lines behind it.
    pub told: bool,
    /// It says more than all failures before it.
    pub worst: bool,
}

impl Tally {
    /// Answers begin with this line.
    pub fn from(line: u64) -> Self {
        Self {
            next: line,
            acknowledged: 0,
            last_acknowledged: 0,
            refused: 0,
            unsent: Ranges::default(),
            unknown: Ranges::default(),
            worst: None,
        }
    }

    pub fn acknowledge(&mut self) {
        self.acknowledged += 1;
        self.last_acknowledged = self.next;
        self.next += 1;
    }

    pub fn fail(&mut self, fault: Fault) -> Failed {
        let line = self.next;
        self.next += 1;
        match fault {
            Fault::ItsOwn => self.refused += 1,
            Fault::NotStored => self.unsent.push(line),
            Fault::Unknown => self.unknown.push(line),
        }
        let worst = match self.worst {
            None => true,
            Some(worst) => fault == Fault::Unknown && worst != Fault::Unknown,
        };
        if worst {
            self.worst = Some(fault);
        }
        let told = worst || (fault == Fault::ItsOwn && self.refused <= TOLD);
        Failed { line, told, worst }
    }

    /// A line that was read when nothing more could be sent.
    pub fn leave(&mut self) {
        self.unsent.push(self.next);
        self.next += 1;
    }

    /// What to tell at the end; `ended` says that the input has no more lines.
    pub fn report(&self, from: u64, ended: bool) -> Vec<String> {
        let answered = self.next - from;
        let mut said = Vec::new();
        let messages = if answered == 1 { "message" } else { "messages" };
        said.push(match answered == self.acknowledged {
            true => format!("{answered} {messages} acknowledged"),
            false => format!("{} of {answered} {messages} acknowledged", self.acknowledged),
        });
        if self.refused > TOLD {
            said.push(format!("{} lines were refused, not all of them are named", self.refused));
        }
        if self.unknown.first().is_some() {
            let unknown = &self.unknown;
            said.push(format!("{unknown} may be stored or not; look before sending again"));
        }
        if self.unsent.first().is_some() {
            said.push(format!("{} surely not stored", is_or_are(&self.unsent)));
        }
        said.extend(self.go_on(from, ended));
        said
    }

    /// From which line on nothing is stored.
    fn go_on(&self, from: u64, ended: bool) -> Option<String> {
        let settled = self.last_acknowledged.max(self.unknown.last().unwrap_or(0));
        match self.unsent.first() {
            Some(first) if first == from => None,
            Some(first) if first > settled => Some(format!("go on with --from-line {first}")),
            Some(_) => Some(format!("send those again, then go on with --from-line {}", self.next)),
            None if ended => None,
            None => Some(format!("go on with --from-line {}", self.next)),
        }
    }
}

fn is_or_are(lines: &Ranges) -> String {
    let verb = if lines.first() == lines.last() { "is" } else { "are" };
    format!("{lines} {verb}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(from: u64, acknowledged: u64, faults: &[Fault], ended: bool) -> Vec<String> {
        let mut tally = Tally::from(from);
        (0..acknowledged).for_each(|_| tally.acknowledge());
        for fault in faults {
            tally.fail(*fault);
        }
        tally.report(from, ended)
    }

    #[test]
    fn what_went_well_is_one_line() {
        assert_eq!(said(1, 3, &[], true), ["3 messages acknowledged"]);
        assert_eq!(said(1, 0, &[], true), ["0 messages acknowledged"]);
    }

    #[test]
    fn an_interrupted_input_goes_on_behind_what_was_read() {
        let expected = ["3 messages acknowledged", "go on with --from-line 8"];
        assert_eq!(said(5, 3, &[], false), expected);
    }

    #[test]
    fn a_line_refused_for_what_it_is_needs_no_second_try() {
        assert_eq!(said(1, 1, &[Fault::ItsOwn], true), ["1 of 2 messages acknowledged"]);
        let many = said(1, 0, &[Fault::ItsOwn; 21], true);
        assert!(many[1].starts_with("21 lines were refused"), "{many:?}");
    }

    #[test]
    fn a_broken_stream_tells_unknown_from_unsent() {
        let faults = [Fault::Unknown, Fault::Unknown, Fault::NotStored];
        let expected = [
            "2 of 5 messages acknowledged",
            "lines 3-4 may be stored or not; look before sending again",
            "line 5 is surely not stored",
            "go on with --from-line 5",
        ];
        assert_eq!(said(1, 2, &faults, false), expected);
        let expected = [
            "1 of 2 messages acknowledged",
            "line 2 may be stored or not; look before sending again",
        ];
        assert_eq!(said(1, 1, &[Fault::Unknown], true), expected);
    }

    #[test]
    fn the_first_line_is_no_line_to_go_on_from() {
        let expected = ["0 of 1 message acknowledged", "line 7 is surely not stored"];
        assert_eq!(said(7, 0, &[Fault::NotStored], false), expected);
    }

    #[test]
    fn what_was_acknowledged_behind_a_failure_is_not_sent_again() {
        let mut tally = Tally::from(1);
        tally.acknowledge();
        tally.fail(Fault::NotStored);
        tally.acknowledge();
        let said = tally.report(1, false);
        assert_eq!(said[1], "line 2 is surely not stored");
        assert_eq!(said[2], "send those again, then go on with --from-line 4");
    }

    #[test]
    fn an_unknown_outcome_says_most_and_the_first_of_its_kind_is_told() {
        let mut tally = Tally::from(1);
        let failed = |line, told, worst| Failed { line, told, worst };
        assert_eq!(tally.fail(Fault::NotStored), failed(1, true, true));
        assert_eq!(tally.fail(Fault::NotStored), failed(2, false, false));
        assert_eq!(tally.fail(Fault::ItsOwn), failed(3, true, false));
        assert_eq!(tally.fail(Fault::Unknown), failed(4, true, true));
        assert_eq!(tally.fail(Fault::Unknown), failed(5, false, false));
    }
}
