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

/// What was seen of an owner, and since when.
///
/// Only the first sight of a sign of life counts, and the row is taken only as it was seen: so it does
/// not matter how many looks in between were answered, or whether any were.
#[derive(Debug, Default)]
pub(super) struct Vigil {
    seen: Option<(i64, i64)>,
    since: Duration,
}

impl Vigil {
    /// Judges a look that was answered at `now`.
    pub fn judge(&mut self, seen: &Seen, now: Duration) -> Sight {
        let sign = Some((seen.epoch, seen.beat));
        if self.seen != sign {
            self.seen = sign;
            self.since = now;
        }
        let rest = (self.since + seen.lease).saturating_sub(now);
        if seen.is_free || rest.is_zero() { Sight::Takeable } else { Sight::Owned { rest } }
    }
}
