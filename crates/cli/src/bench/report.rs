//! All that a run has to tell, as it is written to a file.

use super::{audit::Audit, plan::Plan, round::Round, summary::Figure, target::Activity};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fs, path::Path};

/// Of the file; a reader of another number must not guess.
const FORMAT: u32 = 1;

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub format: u32,
    /// Of the program.
    pub version: String,
    /// RFC 3339, UTC.
    pub date: String,
    /// As it was typed.
    pub command: String,
    pub machine: Machine,
    /// The workload in words.
    pub workload: String,
    /// Absent for ceilings.
    pub plan: Option<Plan>,
    /// The broker in words.
    pub broker: String,
    pub figures: Vec<Figure>,
    /// What the store asked of its disk in all its life, by stored message.
    pub per_stored_message: Option<PerMessage>,
    /// What was measured beside it without a broker.
    pub ceilings: Vec<Figure>,
    pub shares: Vec<Share>,
    /// Failed calls by status, of all rounds that were measured.
    pub errors: BTreeMap<String, u64>,
    /// Of all rounds, that of warming up too.
    pub audit: Audit,
    pub timelines: Vec<Timeline>,
    /// Absent in older files.
    #[serde(default)]
    pub courses: Vec<Course>,
}

/// Where it ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub processors: usize,
    pub model: String,
    pub kernel: String,
}

/// What the store did for each message that it stored, from its start to its end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PerMessage {
    pub stored: u64,
    pub syncs: f64,
    pub written_bytes: f64,
    /// `None`: the store is over no database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabasePerMessage>,
}

/// What a store asked of its database for each message that it stored.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DatabasePerMessage {
    pub statements: f64,
    pub round_trips: f64,
}

/// How much of a ceiling was reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Such as `messages a second of the empty handler`.
    pub of: String,
    pub ours: f64,
    pub ceiling: f64,
    pub unit: String,
    pub share: f64,
}

/// How one latency and its rate went over a round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    pub what: String,
    /// From 1.
    pub round: usize,
    /// Of a slot, in seconds.
    pub width: f64,
    /// One a slot: messages a second, and latencies in us.
    pub rate: Vec<f64>,
    pub p50: Vec<f64>,
    pub p99: Vec<f64>,
}

/// How much of something the broker had over a round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Course {
    pub what: String,
    pub unit: String,
    /// From 1.
    pub round: usize,
    /// From point to point, in seconds.
    pub width: f64,
    pub values: Vec<f64>,
}

impl Report {
    /// An empty one of this moment and machine.
    pub fn new(workload: String, broker: String) -> Self {
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            date: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            command: command(),
            machine: Machine::here(),
            workload,
            plan: None,
            broker,
            figures: Vec::new(),
            per_stored_message: None,
            ceilings: Vec::new(),
            shares: Vec::new(),
            errors: BTreeMap::new(),
            audit: Audit::default(),
            timelines: Vec::new(),
            courses: Vec::new(),
        }
    }

    /// Reads a file that [`Report::write`] wrote.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let report: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} is no report of `broker bench --json`", path.display()))?;
        ensure!(
            report.format == FORMAT,
            "{} has the format {}; this program reads {FORMAT}",
            path.display(),
            report.format
        );
        Ok(report)
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// The arguments without the program's path, which may tell of its machine.
fn command() -> String {
    let arguments = std::env::args().skip(1);
    arguments.fold("broker".to_owned(), |all, one| all + " " + &one)
}

impl Machine {
    fn here() -> Self {
        let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpus.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.map(|line| line.trim_start_matches([' ', '\t', ':']).to_owned());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            model: model.unwrap_or_default(),
            kernel: kernel.trim().to_owned(),
        }
    }
}

impl PerMessage {
    /// `None`: nothing was stored.
    #[expect(clippy::cast_precision_loss, reason = "figures for the eye")]
    pub fn of(activity: Activity, stored: u64) -> Option<Self> {
        let per = |count: u64| count as f64 / stored as f64;
        (stored > 0).then(|| Self {
            stored,
            syncs: per(activity.syncs),
            written_bytes: per(activity.written_bytes),
            database: activity.database.map(|of| DatabasePerMessage {
                statements: per(of.statements),
                round_trips: per(of.round_trips),
            }),
        })
    }
}

/// The timelines of a round, which is the `number`-th from 1.
#[expect(clippy::cast_precision_loss, reason = "figures for the eye")]
pub fn timelines(round: &Round, number: usize) -> impl Iterator<Item = Timeline> {
    round.latencies.iter().map(move |latency| {
        let recorder = &latency.recorder;
        let width = recorder.width().as_secs_f64();
        let slots = recorder.slots();
        let micros =
            |percent| slots.iter().map(|slot| slot.percentile(percent) as f64 / 1e3).collect();
        Timeline {
            what: latency.what.to_owned(),
            round: number,
            width,
            rate: slots.iter().map(|slot| slot.count() as f64 / width).collect(),
            p50: micros(50.0),
            p99: micros(99.0),
        }
    })
}

/// How the broker went over a round, which is the `number`-th from 1.
pub fn courses(round: &Round, number: usize) -> impl Iterator<Item = Course> {
    let tracks = round.usage.iter().flat_map(|usage| usage.course.tracks());
    tracks.map(move |track| Course {
        what: track.what.to_owned(),
        unit: track.unit.to_owned(),
        round: number,
        width: track.width.as_secs_f64(),
        values: track.values,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.json");
        let report = Report::new("words".into(), "a broker".into());
        report.write(&path).unwrap();
        assert_eq!(Report::read(&path).unwrap(), report);
    }

    #[test]
    fn what_is_no_report_is_one_sentence_that_names_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.json");
        let sentence = || format!("{:#}", Report::read(&path).unwrap_err());
        assert!(sentence().contains("report.json"));
        fs::write(&path, "{}").unwrap();
        assert!(sentence().contains("no report"));
        let other = Report { format: 9, ..Report::new(String::new(), String::new()) };
        other.write(&path).unwrap();
        assert!(sentence().ends_with("has the format 9; this program reads 1"));
    }
}
