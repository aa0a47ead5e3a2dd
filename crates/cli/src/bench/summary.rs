//! Figures over all rounds: median and spread.

use super::round::Round;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Percentiles that are told of every latency; 100 is the longest.
const PERCENTILES: [(f64, &str); 5] =
    [(50.0, "p50"), (90.0, "p90"), (99.0, "p99"), (99.9, "p99.9"), (100.0, "max")];

/// Bytes in the unit in which sizes are told.
pub const MEBIBYTE: f64 = 1_048_576.0;

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    Higher,
    Lower,
}

/// One figure, with its value in each round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    pub name: String,
    pub unit: String,
    pub better: Better,
    pub median: f64,
    pub least: f64,
    pub most: f64,
    pub rounds: Vec<f64>,
}

impl Figure {
    pub fn new(
        name: impl Into<String>,
        unit: impl Into<String>,
        better: Better,
        rounds: Vec<f64>,
    ) -> Self {
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let (least, most) =
            (sorted.first().copied().unwrap_or(0.0), sorted.last().copied().unwrap_or(0.0));
        let median = median(&sorted);
        Self { name: name.into(), unit: unit.into(), better, median, least, most, rounds }
    }
}

/// Of values in order; of an even number of them, the mean of the two in the middle.
fn median(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => 0.0,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

/// The name of the rate of that flow.
pub fn rate_name(flow: &str) -> String {
    format!("messages {flow}")
}

/// All figures of these rounds, in the order in which they are told. A figure that a round has not is
/// left out there.
pub fn figures(rounds: &[Round]) -> Vec<Figure> {
    let mut all = Vec::new();
    for round in rounds {
        for (name, unit, better, value) in values(round) {
            match all.iter_mut().find(|(known, ..): &&mut (String, _, _, Vec<f64>)| *known == name)
            {
                Some((.., values)) => values.push(value),
                None => all.push((name, unit, better, vec![value])),
            }
        }
    }
    let figure = |(name, unit, better, values): (String, &str, _, _)| {
        Figure::new(name, unit, better, values)
    };
    all.into_iter().map(figure).collect()
}

type Value = (String, &'static str, Better, f64);

#[expect(clippy::cast_precision_loss, reason = "figures for the eye")]
fn values(round: &Round) -> Vec<Value> {
    let mut values = Vec::new();
    for flow in &round.flows {
        values.push((rate_name(flow.what), "/s", Better::Higher, flow.per_second()));
        let megabytes = flow.megabytes_per_second();
        values.push((format!("bodies {}", flow.what), "MB/s", Better::Higher, megabytes));
    }
    for latency in &round.latencies {
        for (percent, name) in PERCENTILES {
            let micros = latency.recorder.percentile(percent) as f64 / 1e3;
            values.push((format!("{} {name}", latency.what), "us", Better::Lower, micros));
        }
    }
    if let Some(usage) = &round.usage {
        let (over, of) = match round.idle {
            Some(time) => (time.as_secs_f64(), "second"),
            None => (round.messages().max(1) as f64, "message"),
        };
        let mut used = |what, unit, value| {
            values.push((format!("broker's {what}"), unit, Better::Lower, value));
        };
        used(format!("processor time a {of}"), "us", micros(usage.cpu) / over);
        used(format!("bytes written a {of}"), "B", usage.written as f64 / over);
        used("peak anonymous memory".into(), "MiB", mebibytes(usage.anonymous));
        for track in usage.course.tracks().filter(|_| round.tells_flatness) {
            for (quarter, mean) in ["second", "last"].iter().zip(track.quarters()) {
                used(format!("{}, {quarter} quarter", track.what), track.unit, mean);
            }
        }
    }
    for other in &round.others {
        values.push((other.name.into(), other.unit, other.better, other.value));
    }
    values
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// A size in bytes as it is told.
#[expect(clippy::cast_precision_loss, reason = "sizes for the eye")]
pub fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / MEBIBYTE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{recorder::Recorder, round::Flow};

    #[test]
    fn the_median_is_in_the_middle_and_the_spread_is_what_was_seen() {
        let figure = |rounds: &[f64]| Figure::new("n", "u", Better::Lower, rounds.to_vec());
        let odd = figure(&[5.0, 1.0, 3.0]);
        assert_eq!((odd.least, odd.median, odd.most), (1.0, 3.0, 5.0));
        assert_eq!(odd.rounds, [5.0, 1.0, 3.0]);
        assert_eq!(figure(&[4.0, 1.0, 2.0, 9.0]).median, 3.0);
        assert_eq!(figure(&[]).median, 0.0);
    }

    #[test]
    fn rounds_become_figures_by_name() {
        let round = |seconds| {
            let mut recorder = Recorder::new(0, Duration::from_secs(1));
            recorder.record(0, 2_000_000);
            let took = Duration::from_secs(seconds);
            let flow = Flow { what: "fetched", messages: 100, bytes: 2_000_000, took };
            let mut round = Round { flows: vec![flow], ..Round::default() };
            round.latency("fetch", Some(recorder));
            round
        };
        let figures = figures(&[round(1), round(2)]);
        let named = |name: &str| figures.iter().find(|figure| figure.name == name).unwrap();
        assert_eq!(named("messages fetched").rounds, [100.0, 50.0]);
        assert_eq!(named("bodies fetched").rounds, [2.0, 1.0]);
        assert!((named("fetch p99.9").median - 2_000.0).abs() < 10.0);
    }
}
