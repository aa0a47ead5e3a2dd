//! The times of a lease, all from two settings.

use crate::DatabaseTimes;
use std::time::Duration;

/// How much of a lease its owner does not count on. Two clocks that are each off by 1 % differ by less
/// than 2 % over a lease; this is 3 %.
const MARGIN: u32 = 32;
/// Signs of life within a lease.
const RENEWALS: u32 = 4;
/// Looks of a broker that stands by, within a lease.
const LOOKS: u32 = 10;
/// Tries within a lease while the database says nothing.
const TRIES: u32 = 40;
const LONGEST_REST: Duration = Duration::from_secs(1);
const SHORTEST_REST: Duration = Duration::from_millis(1);

/// How long everything takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// How long a sign of life makes its sender the owner, from before it was sent.
    pub valid: Duration,
    /// From one sign of life to the next.
    pub renewal: Duration,
    /// How long one call may take. A sign of life whose answer is lost leaves time for another one.
    pub patience: Duration,
    /// From the beginning of a try that failed to the next.
    pub retry: Duration,
    /// From one look of a broker that stands by to the next.
    pub look: Duration,
    /// How long a start waits for a database that is away.
    pub start: Duration,
}

impl Pace {
    pub fn of(times: &DatabaseTimes) -> Self {
        let lease = times.lease;
        Self {
            valid: lease - lease / MARGIN,
            renewal: lease / RENEWALS,
            patience: times.statement.min(lease / 2),
            retry: (lease / TRIES).clamp(SHORTEST_REST, LONGEST_REST),
            look: (lease / LOOKS).clamp(SHORTEST_REST, LONGEST_REST),
            start: times.start,
        }
    }

    /// How long a try takes at most while this process runs, from the end of the one before.
    pub fn turn(&self) -> Duration {
        self.patience + self.retry
    }
}
