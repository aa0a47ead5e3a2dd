//! What one measurement of a ceiling brought.

use crate::bench::{
    recorder::Recorder,
    summary::{Better, Figure},
};
use std::time::Duration;

/// How long what lies under the broker is measured in a round, at most.
pub const LONGEST: Duration = Duration::from_secs(1);

/// Records that were written, and how long each write of some of them took.
#[derive(Debug)]
pub struct Measured {
    pub records: u64,
    pub took: Duration,
    pub recorder: Recorder,
}

/// Records a second, and the times of a write: `p50` and `p99` of what the write is called.
#[expect(clippy::cast_precision_loss, reason = "figures for the eye")]
pub fn figures(name: &str, write: &str, rounds: &[Measured]) -> Vec<Figure> {
    let rates = rounds.iter().map(|one| one.records as f64 / one.took.as_secs_f64());
    let mut figures =
        vec![Figure::new(format!("{name}, records"), "/s", Better::Higher, rates.collect())];
    for (percent, label) in [(50.0, "p50"), (99.0, "p99")] {
        let micros = rounds.iter().map(|one| one.recorder.percentile(percent) as f64 / 1e3);
        let name = format!("{name}, {write} {label}");
        figures.push(Figure::new(name, "us", Better::Lower, micros.collect()));
    }
    figures
}
