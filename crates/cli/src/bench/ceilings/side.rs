//! The ceiling that is measured beside a workload, round by round.

use super::{
    LONGEST_APPEND,
    append::{self, Append, Appended},
    empty,
};
use crate::bench::{
    audit::Audit,
    caller::Caller,
    child::Offspring,
    ledger::{Answer, Ledger},
    plan::Plan,
    progress::Progress,
    report::Share,
    round::Round,
    scene::{Scene, Stock, Subjects},
    summary::{Figure, figures, rate_name},
    time::Epoch,
    workload::Workload,
};
use anyhow::{Context, Result};
use std::{path::PathBuf, sync::Arc};

/// Messages that the empty handler has ready at most.
const MOST_READY: u64 = 1_000_000;
/// Records that are synced together where publishing is pipelined.
const PIPELINED: usize = 1_000;

/// An empty handler in a process of its own, and the workload on it.
pub struct Side {
    // Ends with this.
    _child: Offspring,
    scene: Scene,
    plan: Plan,
    rounds: Vec<Round>,
    disk: Option<Disk>,
}

/// The disk under the broker's store.
struct Disk {
    append: Append,
    directory: PathBuf,
    rounds: Vec<Appended>,
}

impl Disk {
    /// `None` where the disk is no bound of the workload.
    fn new(plan: &Plan, directory: Option<PathBuf>) -> Option<Self> {
        let group = match (plan.workload, plan.in_flight) {
            (Workload::Publish | Workload::Stream, 1) => 1,
            (Workload::Stream | Workload::FanOut, PIPELINED..) => PIPELINED,
            // How many messages share a sync is not known beforehand.
            _ => return None,
        };
        let append = Append { group, record: append::record(plan.body_bytes), is_allocated: true };
        let directory = directory.filter(|_| !plan.live)?;
        Some(Self { append, directory, rounds: Vec::new() })
    }
}

impl Side {
    /// Starts the handler. What listens or reads is measured as a replay: the handler has its messages.
    /// The store's directory is where the disk is measured; without one it is not.
    pub async fn open(plan: &Plan, data: Option<PathBuf>, progress: &Progress) -> Result<Self> {
        let disk = Disk::new(plan, data);
        let workload = match plan.workload {
            Workload::FanOut | Workload::Replay => Workload::Replay,
            other => other,
        };
        let plan = Plan {
            workload,
            messages: plan.messages.min(MOST_READY),
            subscribers: plan.subscribers
                * if workload == Workload::Replay { plan.subjects } else { 1 },
            subjects: 1,
            live: false,
            ..plan.clone()
        };
        let (child, address) = Offspring::start(empty::arguments(&plan), empty::listening).await?;
        let caller = Caller::connect(&address, plan.client, plan.connections).await?;
        let subjects = Subjects::new(empty::SUBJECT, 1);
        let ledgers = vec![Ledger::of((1..=plan.messages).map(Answer::Acknowledged))];
        let scene = Scene {
            plan: Arc::new(plan.clone()),
            caller,
            epoch: Epoch::begin(),
            subjects: subjects.clone(),
            process: None,
            data: None,
            progress: progress.clone(),
            stock: Some(Arc::new(Stock { subjects, ledgers })),
            is_empty: true,
        };
        Ok(Self { _child: child, scene, plan, rounds: Vec::new(), disk })
    }

    /// Plays a round; that of number 0 warms up. Answers what the audit found.
    pub async fn play(&mut self, number: usize) -> Result<Audit> {
        let scene = Scene { plan: Arc::new(self.plan.of_round(number)), ..self.scene.clone() };
        let round = self.plan.workload.play(&scene).await?;
        let audit = round.audit;
        if number > 0 {
            self.rounds.push(round);
            if let Some(disk) = &mut self.disk {
                let time = LONGEST_APPEND.min(self.plan.time);
                disk.rounds.push(disk.append.measure(disk.directory.clone(), time).await?);
            }
        }
        Ok(audit)
    }

    pub fn figures(&self) -> Vec<Figure> {
        figures(&self.rounds)
    }

    /// The ceilings, and how much of them was reached.
    pub fn finish(self, ours: &[Figure]) -> (Vec<Figure>, Vec<Share>) {
        let mut ceilings = self.figures();
        let mut shares = Vec::new();
        if let (Some(ours), Some(ceiling)) = (ours.first(), ceilings.first()) {
            let of = "messages a second of the empty handler";
            shares.extend(share(of, &ours.unit, ours.median, ceiling.median));
        }
        if let Some(disk) = &self.disk {
            let measured = disk.append.figures(&disk.rounds);
            shares.extend(disk_shares(&disk.append, &measured, ours, &ceilings));
            ceilings.extend(measured);
        }
        (ceilings, shares)
    }
}

/// What the disk alone says of it.
fn disk_shares(
    append: &Append,
    measured: &[Figure],
    ours: &[Figure],
    handler: &[Figure],
) -> Vec<Share> {
    let find = |all: &[Figure], name: &str| {
        all.iter().find(|figure| figure.name == name).map(|figure| figure.median)
    };
    let mut shares = Vec::new();
    if append.group > 1 {
        let rate = measured.first().map(|figure| figure.median);
        let acknowledged = find(ours, &rate_name("acknowledged"));
        if let (Some(ours), Some(rate)) = (acknowledged, rate) {
            shares.extend(share("records a second of the disk alone", "/s", ours, rate));
        }
    } else {
        let p50 = "acknowledgement p50";
        let parts = (find(ours, p50), find(handler, p50), measured.get(1).map(|one| one.median));
        if let (Some(ours), Some(handler), Some(sync)) = parts {
            let of = "acknowledgement p50 beyond the handler's, in syncs of the disk alone";
            shares.extend(share(of, "us", ours - handler, sync));
        }
    }
    shares
}

fn share(of: &str, unit: &str, ours: f64, ceiling: f64) -> Option<Share> {
    (ceiling > 0.0).then(|| Share {
        of: of.to_owned(),
        unit: unit.to_owned(),
        ours,
        ceiling,
        share: ours / ceiling,
    })
}

/// Measures a plan on a handler of its own.
pub async fn measure(plan: &Plan, progress: &Progress, name: &str) -> Result<(Vec<Figure>, Audit)> {
    let mut side = Side::open(plan, None, progress).await.with_context(|| name.to_owned())?;
    let mut audit = Audit::default();
    for number in plan.numbers() {
        progress.begin(name, plan.expected(), plan.time);
        audit.add(side.play(number).await?);
    }
    Ok((side.figures(), audit))
}
