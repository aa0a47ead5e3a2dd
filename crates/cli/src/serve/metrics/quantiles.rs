//! Quantiles of the durations of calls over the last minutes: the predecessor's `method_duration`.

use hdrhistogram::Histogram;
use prometheus::proto::{Quantile, Summary};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long durations are gathered before the older ones are let go: quantiles are of one to two times
/// this, for who asks more often than that.
const WINDOW: Duration = Duration::from_mins(1);

/// The longest duration that is told apart from longer ones, in microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;

/// What is told.
const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

/// Durations of calls of one method. A window ends when somebody asks after its time: recording looks at
/// no clock.
pub struct Quantiles(Mutex<Durations>);

struct Durations {
    /// The present window and the one before it, in microseconds, within one percent.
    windows: [Histogram<u32>; 2],
    since: Instant,
    sum: Duration,
    count: u64,
}

impl Quantiles {
    /// None yet. Always something: the bounds are good ones.
    pub fn new() -> Option<Self> {
        Durations::new(Instant::now()).map(Mutex::new).map(Self)
    }

    pub fn record(&self, took: Duration) {
        self.lock().record(took);
    }

    /// For the page.
    pub fn summary(&self) -> Summary {
        self.lock().summary(Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, Durations> {
        // Nothing panics half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Durations {
    fn new(now: Instant) -> Option<Self> {
        let window = || Histogram::new_with_bounds(1, LONGEST, 2).ok();
        let windows = [window()?, window()?];
        Some(Self { windows, since: now, sum: Duration::ZERO, count: 0 })
    }

    fn record(&mut self, took: Duration) {
        self.sum += took;
        self.count += 1;
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.windows[0].saturating_record(micros.max(1));
    }

    fn summary(&mut self, now: Instant) -> Summary {
        let mut both = self.windows[1].clone();
        // The bounds are the same.
        let _ = both.add(&self.windows[0]);
        self.turn(now);
        let quantiles = QUANTILES.map(|at| {
            let mut quantile = Quantile::default();
            quantile.set_quantile(at);
            // As Prometheus' own libraries say of a quantile of nothing.
            let micros = (!both.is_empty()).then(|| both.value_at_quantile(at) as f64);
            quantile.set_value(micros.map_or(f64::NAN, |micros| micros / 1e6));
            quantile
        });
        let mut summary = Summary::default();
        summary.set_sample_count(self.count);
        summary.set_sample_sum(self.sum.as_secs_f64());
        summary.set_quantile(quantiles.to_vec());
        summary
    }

    /// Lets go of what is too old, once it was told.
    fn turn(&mut self, now: Instant) {
        let age = now.duration_since(self.since);
        if age < WINDOW {
            return;
        }
        self.windows.swap(0, 1);
        self.windows[0].reset();
        if age >= 2 * WINDOW {
            self.windows[1].reset();
        }
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn median(summary: &Summary) -> f64 {
        summary.get_quantile()[0].value()
    }

    #[test]
    fn quantiles_are_of_the_last_minutes_and_sums_of_all() {
        let start = Instant::now();
        let mut durations = Durations::new(start).unwrap();
        (1..=100).for_each(|millis| durations.record(Duration::from_millis(millis)));
        let summary = durations.summary(start);
        for (quantile, seconds) in summary.get_quantile().iter().zip([0.05, 0.095, 0.099]) {
            let value = quantile.value();
            assert!((value - seconds).abs() < seconds / 50.0, "{value} instead of {seconds}");
        }
        assert_eq!(summary.sample_count(), 100);
        assert!((summary.sample_sum() - 5.05).abs() < 1e-9);

        assert!(median(&durations.summary(start + WINDOW)) < 0.1, "told once more");
        durations.record(Duration::from_secs(2));
        assert!(median(&durations.summary(start + WINDOW)) < 0.1, "both windows count");
        assert!(median(&durations.summary(start + 2 * WINDOW)) < 0.1);
        assert!(median(&durations.summary(start + 2 * WINDOW)) > 1.9, "the first is gone");
        let summary = durations.summary(start + 4 * WINDOW);
        assert!(median(&summary) > 1.9, "told though nobody asked for long");
        let summary = durations.summary(start + 4 * WINDOW);
        assert!(median(&summary).is_nan());
        assert_eq!(summary.sample_count(), 101);
    }
}
