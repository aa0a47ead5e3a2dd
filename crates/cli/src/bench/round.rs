//! What one round brought.

use super::{
    audit::Audit,
    ledger::Failures,
    process::Usage,
    recorder::Recorder,
    summary::{Better, mebibytes},
};
use std::time::Duration;

/// The result of a round.
#[derive(Debug, Default)]
pub struct Round {
    /// The first is what the workload is about.
    pub flows: Vec<Flow>,
    pub latencies: Vec<Latency>,
    pub others: Vec<Other>,
    pub usage: Option<Usage>,
    pub failures: Failures,
    pub audit: Audit,
    /// Messages that the broker stored for it.
    pub stored: u64,
    /// Whether it is long enough to tell if the broker stays flat.
    pub tells_flatness: bool,
    /// It had no load for this long: what the broker used is told by time, not by message.
    pub idle: Option<Duration>,
}

/// Messages that went one way.
#[derive(Debug, Clone, Copy)]
pub struct Flow {
    /// Such as `acknowledged`.
    pub what: &'static str,
    pub messages: u64,
    /// Of bodies.
    pub bytes: u64,
    pub took: Duration,
}

/// How long something took, message by message.
#[derive(Debug)]
pub struct Latency {
    /// Such as `acknowledgement`.
    pub what: &'static str,
    pub recorder: Recorder,
}

/// A figure of one workload.
#[derive(Debug, Clone, Copy)]
pub struct Other {
    pub name: &'static str,
    pub unit: &'static str,
    pub better: Better,
    pub value: f64,
}

impl Other {
    /// A figure that is the better the lower it is.
    pub fn lower(name: &'static str, unit: &'static str, value: f64) -> Self {
        Self { name, unit, better: Better::Lower, value }
    }

    /// The same of a size in bytes.
    pub fn size(name: &'static str, bytes: u64) -> Self {
        Self::lower(name, "MiB", mebibytes(bytes))
    }
}

impl Flow {
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    pub fn per_second(&self) -> f64 {
        self.messages as f64 / self.took.as_secs_f64().max(1e-9)
    }

    /// Millions of bytes.
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    pub fn megabytes_per_second(&self) -> f64 {
        self.bytes as f64 / 1e6 / self.took.as_secs_f64().max(1e-9)
    }
}

impl Round {
    /// Messages that the workload is about.
    pub fn messages(&self) -> u64 {
        self.flows.first().map_or(0, |flow| flow.messages)
    }

    pub fn latency(&mut self, what: &'static str, recorder: Option<Recorder>) {
        let recorder = recorder.filter(|recorder| recorder.count() > 0);
        self.latencies.extend(recorder.map(|recorder| Latency { what, recorder }));
    }
}
