//! How long to wait before trying again.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};
use tokio::time::Instant;

/// Pauses between attempts: each twice as long as the one before, up to a most, and by chance up to
/// half as long, so that many clients do not come back all at once. Where the broker names a pause,
/// it is waited for as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause; 100 ms by default.
    pub first: Duration,
    /// The longest pause; 5 s by default.
    pub most: Duration,
    /// Gives up when no attempt went well for this long; `None`, the default: never.
    pub limit: Option<Duration>,
}

impl Default for Backoff {
    fn default() -> Self {
        let (first, most) = (Duration::from_millis(100), Duration::from_secs(5));
        Self { first, most, limit: None }
    }
}

impl Backoff {
    /// Gives up after this long.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }
}

/// Where a row of attempts stands.
#[derive(Debug)]
pub struct Pauses {
    backoff: Backoff,
    failures: u32,
    since: Option<Instant>,
}

impl Pauses {
    pub fn new(backoff: Backoff) -> Self {
        Self { backoff, failures: 0, since: None }
    }

    /// An attempt failed, and the broker asked for that pause: how long to wait before the next;
    /// `None` when that would be too late. `chance` is any number.
    pub fn next(&mut self, asked: Option<Duration>, now: Instant, chance: u64) -> Option<Duration> {
        let since = *self.since.get_or_insert(now);
        let doubled = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        let longest = self.backoff.first.saturating_mul(doubled).min(self.backoff.most);
        self.failures = self.failures.saturating_add(1);
        let part = (chance % 1_000) as u32;
        let pause = (longest / 2).saturating_add(longest / 2_000 * part);
        let pause = pause.saturating_add(asked.unwrap_or_default());
        let waited = now.saturating_duration_since(since);
        let is_late = self.backoff.limit.is_some_and(|limit| waited.saturating_add(pause) > limit);
        (!is_late).then_some(pause)
    }

    /// Attempts that failed since the last one that went well.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// It goes well: the next failure is the first of a new row.
    pub fn reset(&mut self) {
        (self.failures, self.since) = (0, None);
    }

    /// What stands this long goes well.
    pub fn proven_after(&self) -> Duration {
        self.backoff.most
    }
}

/// A number that no other client has.
pub fn chance() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pauses(limit: Option<Duration>) -> Pauses {
        Pauses::new(Backoff { first: SECOND, most: SECOND * 5, limit })
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let (mut pauses, now) = (pauses(None), Instant::now());
        let mut row = Vec::new();
        for _ in 0..40 {
            row.push(pauses.next(None, now, 0).unwrap().as_millis());
        }
        assert_eq!(row[..5], [500, 1_000, 2_000, 2_500, 2_500]);
        assert_eq!(row[39], 2_500);
        assert_eq!(pauses.failures(), 40);
        pauses.reset();
        assert_eq!(pauses.next(None, now, 0), Some(SECOND / 2));
    }

    #[test]
    fn chance_adds_up_to_half() {
        let now = Instant::now();
        for number in 0..2_000 {
            let pause = pauses(None).next(None, now, number).unwrap();
            assert!(pause >= SECOND / 2 && pause < SECOND, "{pause:?}");
        }
        assert_ne!(chance(), chance());
    }

    #[test]
    fn the_pause_that_the_broker_names_is_waited_for() {
        let pause = pauses(None).next(Some(SECOND * 60), Instant::now(), 0);
        assert_eq!(pause, Some(SECOND * 60 + SECOND / 2));
        assert!(pauses(None).next(Some(Duration::MAX), Instant::now(), 999).is_some());
    }

    #[test]
    fn no_pause_goes_beyond_the_limit() {
        let (mut pauses, begun) = (pauses(Some(SECOND * 10)), Instant::now());
        assert!(pauses.next(None, begun, 0).is_some());
        assert_eq!(pauses.next(Some(SECOND * 10), begun + SECOND, 0), None);
        assert!(pauses.next(None, begun + SECOND * 7, 0).is_some());
        assert_eq!(pauses.next(None, begun + SECOND * 8, 0), None);
        pauses.reset();
        assert!(pauses.next(None, begun + SECOND * 60, 0).is_some());
    }
}
