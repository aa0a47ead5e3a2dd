//! What came of a copy.

use crate::{admin::Row, exit, output, table::size, visible};
use broker_core::{MessageId, Subject, Tally, Timestamp};
use std::process::ExitCode;

/// Problems of a subject that are told one by one; the others are counted.
const TOLD: usize = 20;

/// What came of a subject.
#[derive(Debug)]
pub struct Copied {
    pub subject: Subject,
    pub last_id: MessageId,
    /// Messages that the target had already.
    pub found: u64,
    /// Messages that were written.
    pub written: u64,
    /// What the target keeps at the end; none if nothing was to be copied.
    kept: Option<Tally>,
    problems: Vec<String>,
    problem_count: usize,
}

impl Copied {
    pub fn new(subject: Subject, last_id: MessageId) -> Self {
        let (kept, problems) = (None, Vec::new());
        Self { subject, last_id, found: 0, written: 0, kept, problems, problem_count: 0 }
    }

    /// Something is not as it should be.
    pub fn problem(&mut self, sentence: String) {
        self.problem_count += 1;
        if self.problems.len() < TOLD {
            self.problems.push(sentence);
        }
    }

    /// Compares the counts of both sides. What could not be copied may count in the source or not: what
    /// is damaged there may have expired.
    pub fn check(&mut self, source: Tally, target: Tally, missing: u64) {
        self.kept = Some(target);
        let is_whole = self.problem_count == 0 && source == target;
        let least = source.messages.saturating_sub(missing);
        let is_rest =
            self.problem_count > 0 && (least..=source.messages).contains(&target.messages);
        if !is_whole && !is_rest {
            self.problem(format!(
                "the source keeps {} messages of {} bytes, the target {} of {}",
                source.messages, source.bytes, target.messages, target.bytes
            ));
        }
    }

    /// What is to be told, with the subject named.
    pub fn problems(&self) -> impl Iterator<Item = String> {
        let name = visible::text(self.subject.as_str());
        let more = self.problem_count - self.problems.len();
        let more = (more > 0).then(|| format!("{name}: and {more} more"));
        self.problems.iter().map(move |problem| format!("{name}: {problem}")).chain(more)
    }

    /// What the target keeps; none of a subject that was not copied.
    pub fn row(&self) -> Option<Row> {
        let kept = self.kept?;
        Some(Row {
            subject: self.subject.as_str().to_owned(),
            last_id: self.last_id.0,
            messages: kept.messages,
            bytes: kept.bytes,
            next_expiry: kept.next_expiry.and_then(rfc3339),
        })
    }
}

fn rfc3339(time: Timestamp) -> Option<String> {
    let time = jiff::Timestamp::from_nanosecond(time.0.into()).ok()?;
    Some(time.to_string())
}

/// What came of all of them.
#[derive(Debug, Default)]
pub struct Summary {
    subjects: u64,
    messages: u64,
    bytes: u64,
    found: u64,
    written: u64,
    /// Subjects with problems.
    wrong: u64,
}

impl Summary {
    pub fn add(&mut self, copied: &Copied) {
        self.subjects += 1;
        let kept = copied.kept.unwrap_or_default();
        self.messages += kept.messages;
        self.bytes += kept.bytes;
        self.found += copied.found;
        self.written += copied.written;
        self.wrong += u64::from(copied.problem_count > 0);
    }

    /// Says it, and answers the exit code.
    pub fn conclude(&self) -> ExitCode {
        let Self { subjects, messages, bytes, found, written, wrong } = self;
        output::note(&format!(
            "the target keeps {messages} messages ({}) of {subjects} subjects; {written} were written, \
             {found} were there",
            size(*bytes)
        ));
        if *wrong > 0 {
            output::problem(&format!("{wrong} of {subjects} subjects are not whole in the target"));
            return ExitCode::from(exit::FAILED);
        }
        ExitCode::SUCCESS
    }
}
