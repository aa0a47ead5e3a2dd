//! Quantiles of the durations of calls over the last minutes: the predecessor's `method_duration`.

use super::{catalog::OLD_DURATION, sheet::pair};
use hdrhistogram::Histogram;
use prometheus::proto::{self, MetricFamily, MetricType};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long durations are gathered before the older ones are let go; quantiles are of one to two times
/// this.
const WINDOW: Duration = Duration::from_mins(1);

/// The longest duration that is told apart from longer ones, in microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;

/// What is told.
const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

/// Durations of each method.
#[derive(Default)]
pub struct Quantiles(Mutex<BTreeMap<&'static str, Durations>>);

struct Durations {
    /// The present window and the one before it, in microseconds, within one percent.
    windows: [Histogram<u32>; 2],
    since: Instant,
    sum: Duration,
    count: u64,
}

impl Quantiles {
    pub fn record(&self, method: &'static str, took: Duration) {
        let mut methods = self.lock();
        let now = Instant::now();
        let durations = match methods.get_mut(method) {
            Some(durations) => durations,
            None => {
                let Some(new) = Durations::new(now) else { return };
                methods.entry(method).or_insert(new)
            }
        };
        durations.record(took, now);
    }

    /// Them all, for the page.
    pub fn family(&self) -> MetricFamily {
        let (mut methods, now) = (self.lock(), Instant::now());
        let mut family = MetricFamily::default();
        family.set_name(OLD_DURATION.name.to_owned());
        family.set_help(OLD_DURATION.meaning.to_owned());
        family.set_field_type(MetricType::SUMMARY);
        for (method, durations) in methods.iter_mut() {
            let labels = OLD_DURATION.labels.iter().map(|label| pair(label, method));
            let mut metric = proto::Metric::from_label(labels.collect());
            metric.set_summary(durations.summary(now));
            family.mut_metric().push(metric);
        }
        family
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Durations>> {
        // Nothing panics half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Durations {
    /// Always something: the bounds are good ones.
    fn new(now: Instant) -> Option<Self> {
        let window = || Histogram::new_with_bounds(1, LONGEST, 2).ok();
        let windows = [window()?, window()?];
        Some(Self { windows, since: now, sum: Duration::ZERO, count: 0 })
    }

    fn record(&mut self, took: Duration, now: Instant) {
        self.turn(now);
        self.sum += took;
        self.count += 1;
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.windows[0].saturating_record(micros.max(1));
    }

    /// Lets go of what is too old.
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

    fn summary(&mut self, now: Instant) -> proto::Summary {
        self.turn(now);
        let mut both = self.windows[1].clone();
        // The bounds are the same.
        let _ = both.add(&self.windows[0]);
        let quantiles = QUANTILES.map(|at| {
            let mut quantile = proto::Quantile::default();
            quantile.set_quantile(at);
            // As Prometheus' own libraries say of a quantile of nothing.
            let of_nothing = || f64::NAN;
            let micros = (!both.is_empty()).then(|| both.value_at_quantile(at) as f64);
            quantile.set_value(micros.map_or_else(of_nothing, |micros| micros / 1e6));
            quantile
        });
        let mut summary = proto::Summary::default();
        summary.set_sample_count(self.count);
        summary.set_sample_sum(self.sum.as_secs_f64());
        summary.set_quantile(quantiles.to_vec());
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantile(summary: &proto::Summary, at: f64) -> f64 {
        let found = summary.get_quantile().iter().find(|quantile| quantile.quantile() == at);
        found.unwrap().value()
    }

    #[test]
    fn quantiles_are_of_the_last_minutes_and_sums_of_all() {
        let start = Instant::now();
        let mut durations = Durations::new(start).unwrap();
        for millis in 1..=100 {
            durations.record(Duration::from_millis(millis), start);
        }
        let summary = durations.summary(start);
        for (at, seconds) in [(0.5, 0.05), (0.95, 0.095), (0.99, 0.099)] {
            let value = quantile(&summary, at);
            assert!((value - seconds).abs() < seconds / 50.0, "{at}: {value}");
        }
        assert_eq!(summary.sample_count(), 100);
        assert!((summary.sample_sum() - 5.05).abs() < 1e-9);

        durations.record(Duration::from_secs(2), start + WINDOW);
        assert!(quantile(&durations.summary(start + WINDOW), 0.5) < 0.1, "both windows count");
        let later = start + 2 * WINDOW;
        assert!(quantile(&durations.summary(later), 0.5) > 1.9, "the first window is gone");
        let summary = durations.summary(later + 2 * WINDOW);
        assert!(quantile(&summary, 0.5).is_nan());
        assert_eq!(summary.sample_count(), 101);
    }
}
