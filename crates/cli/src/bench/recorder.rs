//! Latencies: all of a round, and how they and the rate went over its time.

use hdrhistogram::Histogram;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Longer ones count as this, in ns.
const LONGEST: u64 = 600_000_000_000;
/// Slots of a timeline at most; what comes later falls into the last one.
const MOST_SLOTS: usize = 240;
const SLOTS_A_ROUND: u32 = 40;
const LEAST_WIDTH: Duration = Duration::from_millis(20);

/// Latencies in ns, with three significant digits.
#[derive(Debug, Clone)]
pub struct Recorder {
    whole: Histogram<u64>,
    start: u64,
    width: u64,
    slots: Vec<Slot>,
}

/// A part of a round.
#[derive(Debug, Clone)]
pub struct Slot {
    /// Two significant digits: enough for a plot.
    latencies: Histogram<u32>,
}

/// One that several tasks write to.
#[derive(Debug, Clone)]
pub struct SharedRecorder(Arc<Mutex<Recorder>>);

#[expect(clippy::expect_used, reason = "the bounds are constants that the library takes")]
fn histogram<T: hdrhistogram::Counter>(digits: u8) -> Histogram<T> {
    Histogram::new_with_bounds(1_000, LONGEST, digits).expect("valid bounds")
}

impl Recorder {
    /// For a round that begins at `start` ns of the bench's clock and lasts about so long.
    pub fn new(start: u64, round: Duration) -> Self {
        let width = (round / SLOTS_A_ROUND).max(LEAST_WIDTH);
        Self {
            whole: histogram(3),
            start,
            width: u64::try_from(width.as_nanos()).unwrap_or(u64::MAX),
            slots: Vec::new(),
        }
    }

    /// Something that was due then is done now, both in ns of the bench's clock.
    pub fn record(&mut self, due: u64, now: u64) {
        let took = now.saturating_sub(due);
        self.whole.saturating_record(took);
        let at = now.saturating_sub(self.start) / self.width;
        let at = usize::try_from(at).unwrap_or(MOST_SLOTS).min(MOST_SLOTS - 1);
        while self.slots.len() <= at {
            self.slots.push(Slot { latencies: histogram(2) });
        }
        self.slots[at].latencies.saturating_record(took);
    }

    pub fn merge(&mut self, other: &Self) {
        // The bounds of all are the same.
        let _ = self.whole.add(&other.whole);
        for (at, slot) in other.slots.iter().enumerate() {
            match self.slots.get_mut(at) {
                Some(mine) => {
                    let _ = mine.latencies.add(&slot.latencies);
                }
                None => self.slots.push(slot.clone()),
            }
        }
    }

    pub fn count(&self) -> u64 {
        self.whole.len()
    }

    /// In ns; 100 is the longest.
    pub fn percentile(&self, percent: f64) -> u64 {
        if percent >= 100.0 { self.whole.max() } else { self.whole.value_at_percentile(percent) }
    }

    /// The width of a slot.
    pub fn width(&self) -> Duration {
        Duration::from_nanos(self.width)
    }

    /// From the round's start on.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }
}

impl Slot {
    pub fn count(&self) -> u64 {
        self.latencies.len()
    }

    pub fn percentile(&self, percent: f64) -> u64 {
        self.latencies.value_at_percentile(percent)
    }
}

impl SharedRecorder {
    pub fn new(start: u64, round: Duration) -> Self {
        Self(Arc::new(Mutex::new(Recorder::new(start, round))))
    }

    pub fn lock(&self) -> MutexGuard<'_, Recorder> {
        // Nothing panics half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All of them together; `None` when there are none.
pub fn merged<'a>(all: impl IntoIterator<Item = &'a SharedRecorder>) -> Option<Recorder> {
    let mut all = all.into_iter();
    let mut sum = all.next()?.lock().clone();
    all.for_each(|one| sum.merge(&one.lock()));
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_recorded() {
        let mut recorder = Recorder::new(0, Duration::from_secs(1));
        (1..=1_000).for_each(|at| recorder.record(0, at * 1_000_000));
        assert_eq!(recorder.count(), 1_000);
        for (percent, expected) in [(50.0, 500), (99.0, 990), (99.9, 999), (100.0, 1_000)] {
            let found = recorder.percentile(percent) / 1_000_000;
            assert!(found.abs_diff(expected) <= 1, "{percent}: {found}");
        }
    }

    #[test]
    fn the_timeline_counts_by_the_time_of_the_end() {
        let mut recorder = Recorder::new(1_000_000_000, Duration::from_secs(4));
        let width = 100_000_000;
        recorder.record(0, 1_000_000_000);
        recorder.record(0, 1_000_000_000 + 3 * width);
        // Long after the end.
        recorder.record(0, u64::MAX);
        let counts: Vec<_> = recorder.slots().iter().map(Slot::count).collect();
        assert_eq!(counts[..4], [1, 0, 0, 1]);
        assert_eq!((counts.len(), counts[MOST_SLOTS - 1]), (MOST_SLOTS, 1));
    }

    #[test]
    fn merging_adds_up() {
        let all = [(); 3].map(|()| SharedRecorder::new(0, Duration::from_secs(1)));
        all.iter().zip(1..).for_each(|(one, at)| one.lock().record(0, at * 50_000_000));
        let sum = merged(&all).unwrap();
        assert_eq!(sum.count(), 3);
        assert_eq!(sum.slots().iter().map(Slot::count).sum::<u64>(), 3);
    }
}
