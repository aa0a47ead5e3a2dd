//! Whether an owner that is not heard of has lost its lease.

use super::Seen;
use std::time::Duration;

/// What one look at the row means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Nobody owns the store any more, if the row still says this when it is taken.
    Takeable,
    /// It has an owner, whose lease lasts that long if nothing more is heard of it.
    Owned { rest: Duration },
}

/// What was seen of an owner, and for how long.
///
/// Only time from the first sight of a sign of life on counts, and the row is taken only as it was seen.
/// Between two looks at most `step` counts: an owner that had no way to be heard of, because the
/// database was away or its machine slept with this one, gets the time to be heard of again.
#[derive(Debug)]
pub(super) struct Vigil {
    step: Duration,
    /// Epoch and beat, and when they were looked at last.
    seen: Option<(i64, i64, Duration)>,
    /// How long they have been the same.
    unchanged: Duration,
}

impl Vigil {
    pub fn new(step: Duration) -> Self {
        Self { step, seen: None, unchanged: Duration::ZERO }
    }

    /// Judges a look that was answered at `now`.
    pub fn judge(&mut self, seen: &Seen, now: Duration) -> Sight {
        let last = self.seen.replace((seen.epoch, seen.beat, now));
        self.unchanged = match last {
            Some((epoch, beat, at)) if (epoch, beat) == (seen.epoch, seen.beat) => {
                self.unchanged + now.saturating_sub(at).min(self.step)
            }
            _ => Duration::ZERO,
        };
        let rest = seen.lease.saturating_sub(self.unchanged);
        if seen.is_free || rest.is_zero() { Sight::Takeable } else { Sight::Owned { rest } }
    }
}
