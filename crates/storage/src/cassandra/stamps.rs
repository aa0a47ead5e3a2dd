//! The write timestamps of an owner.
//!
//! The database keeps, of two writes of one row, that of the higher timestamp, and a delete beats what
//! has a lower or the same one. Every write of an owner has a timestamp out of the range that its row of
//! the table `owner` grants it, and a new owner's range begins above the old one's end: whatever of an
//! old owner arrives late loses against what the new one wrote or deleted.

use parking_lot::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Strictly growing timestamps in microseconds, out of a range that is granted.
#[derive(Debug, Default)]
pub struct Stamps(Mutex<Range>);

/// The highest timestamp that was used, and the highest one that may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Range {
    used: i64,
    ceiling: i64,
}

impl Stamps {
    /// The next timestamp: the wall clock's, as far as the range allows. `None`: the range is used up
    /// until the lease is renewed.
    pub fn next(&self) -> Option<i64> {
        self.0.lock().next(wall_clock())
    }

    /// The ceiling that an owner above `floor` may ask for.
    pub fn first_ceiling(floor: i64, lease: Duration) -> i64 {
        let lease = micros(lease);
        (wall_clock().saturating_add(lease + lease / 4)).max(floor.saturating_add(lease))
    }

    /// The ceiling to ask for at a renewal: room for until the next one, whatever the wall clock says.
    pub fn next_ceiling(&self, lease: Duration) -> i64 {
        let Range { used, ceiling } = *self.0.lock();
        let lease = micros(lease);
        (wall_clock().saturating_add(lease + lease / 4))
            .max(used.saturating_add(lease / 2))
            .max(ceiling)
    }

    /// Begins a range above `floor`.
    pub fn begin(&self, floor: i64, ceiling: i64) {
        *self.0.lock() = Range { used: floor, ceiling };
    }

    /// Raises the range's end.
    pub fn raise(&self, ceiling: i64) {
        let mut range = self.0.lock();
        range.ceiling = range.ceiling.max(ceiling);
    }

    /// The highest timestamp that was used; no further one is given.
    pub fn end(&self) -> i64 {
        let mut range = self.0.lock();
        range.ceiling = range.used;
        range.used
    }
}

impl Range {
    /// A wall clock that is ahead of the range leaves the range's second half for counting up.
    fn next(&mut self, now: i64) -> Option<i64> {
        let middle = self.used + (self.ceiling - self.used) / 2;
        let next = (self.used + 1).max(now.min(middle));
        (next <= self.ceiling).then(|| {
            self.used = next;
            next
        })
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX / 8)
}

/// Real time is wanted: files are grouped by it. Nothing depends on its being right.
fn wall_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX / 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn timestamps_grow_within_the_range(
            floor in 0..1_000i64,
            room in 0..1_000i64,
            clock in proptest::collection::vec(0..4_000i64, 1..200),
        ) {
            let mut range = Range { used: floor, ceiling: floor + room };
            let mut last = floor;
            for now in clock {
                if let Some(next) = range.next(now) {
                    prop_assert!(next > last && next <= floor + room);
                    last = next;
                } else {
                    prop_assert_eq!(last, floor + room, "all of the range is used");
                }
            }
        }
    }

    #[test]
    fn a_clock_that_is_right_is_followed_and_a_late_one_counted_up() {
        let mut range = Range { used: 10, ceiling: 1_000 };
        assert_eq!(
            [range.next(100), range.next(100), range.next(50)],
            [Some(100), Some(101), Some(102)]
        );
        assert_eq!(range.next(9_999), Some(551), "half of what is left");
    }

    #[test]
    fn a_range_that_ended_gives_nothing() {
        let stamps = Stamps::default();
        stamps.begin(5, i64::MAX);
        let used = stamps.next().unwrap();
        assert_eq!(stamps.end(), used);
        assert_eq!(stamps.next(), None);
    }
}
