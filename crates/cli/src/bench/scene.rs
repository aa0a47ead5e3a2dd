//! What a round is played on.

use super::{
    audit::Layout,
    body::Press,
    caller::Caller,
    ledger::Ledger,
    pace::Pace,
    plan::Plan,
    process::{Meter, Process},
    progress::Progress,
    recorder::SharedRecorder,
    time::Epoch,
};
use anyhow::Result;
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Everything that a round needs; cheap to clone.
#[derive(Debug, Clone)]
pub struct Scene {
    pub plan: Arc<Plan>,
    pub caller: Caller,
    pub epoch: Epoch,
    pub subjects: Subjects,
    pub process: Option<Process>,
    /// Where the broker's store is, if that is ours.
    pub data: Option<PathBuf>,
    pub progress: Progress,
    /// What was published before the first round.
    pub stock: Option<Arc<Stock>>,
    /// It is no broker but an empty handler, which keeps nothing.
    pub is_empty: bool,
}

/// Stored messages to read.
#[derive(Debug)]
pub struct Stock {
    pub subjects: Subjects,
    pub ledgers: Vec<Ledger>,
}

/// The names of subjects, which nobody else uses.
#[derive(Debug, Clone)]
pub struct Subjects(Arc<[String]>);

impl Subjects {
    pub fn new(prefix: &str, count: usize) -> Self {
        Self((0..count).map(|at| format!("{prefix}.{at}")).collect())
    }

    pub fn names(&self) -> &[String] {
        &self.0
    }

    pub fn layout(&self) -> Layout {
        Layout { subjects: self.0.len() as u64 }
    }

    /// The subject of that publisher's message of that number.
    pub fn of(&self, publisher: u32, number: u64) -> &str {
        let at = self.layout().subject(publisher, number);
        &self.0[usize::try_from(at).unwrap_or(0)]
    }
}

impl Scene {
    pub fn pace(&self) -> Arc<Pace> {
        Arc::new(Pace::begin(self.plan.rate, self.plan.time, self.plan.messages))
    }

    pub fn recorder(&self) -> SharedRecorder {
        SharedRecorder::new(self.epoch.now(), self.plan.time)
    }

    /// As many recorders as keep tasks out of each other's way.
    pub fn recorders(&self, tasks: usize) -> Vec<SharedRecorder> {
        (0..tasks.clamp(1, 16)).map(|_| self.recorder()).collect()
    }

    pub fn press(&self) -> Press {
        Press::new(self.plan.body_bytes)
    }

    pub fn lifetime(&self) -> Duration {
        self.plan.lifetime()
    }

    /// Begins to measure the broker's process, if that can be.
    pub fn meter(&self) -> Result<Option<Meter>> {
        let begin = |process: Process| process.measure(self.data.clone(), self.plan.time);
        self.process.map(begin).transpose()
    }
}
