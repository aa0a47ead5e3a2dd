//! The ceiling that is measured beside a workload, round by round.

use super::{beneath::Beneath, empty, measured::LONGEST, shares::share};
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
    summary::{Figure, figures},
    time::Epoch,
    workload::Workload,
};
use anyhow::{Context, Result};
use std::sync::Arc;

/// Messages that the empty handler has ready at most.
const MOST_READY: u64 = 1_000_000;

/// An empty handler in a process of its own, and the workload on it.
pub struct Side {
    // Ends with this.
    _child: Offspring,
    scene: Scene,
    plan: Plan,
    rounds: Vec<Round>,
    beneath: Option<Beneath>,
}

impl Side {
    /// Starts the handler. What listens or reads is measured as a replay: the handler has its messages.
    /// What lies under the store, if anything, is measured beside it.
    pub async fn open(plan: &Plan, beneath: Option<Beneath>, progress: &Progress) -> Result<Self> {
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
        Ok(Self { _child: child, scene, plan, rounds: Vec::new(), beneath })
    }

    /// Plays a round; that of number 0 warms up. Answers what the audit found.
    pub async fn play(&mut self, number: usize) -> Result<Audit> {
        let scene = Scene { plan: Arc::new(self.plan.of_round(number)), ..self.scene.clone() };
        let round = self.plan.workload.play(&scene).await?;
        let audit = round.audit;
        if number > 0 {
            self.rounds.push(round);
            if let Some(beneath) = &mut self.beneath {
                beneath.measure(LONGEST.min(self.plan.time)).await?;
            }
        }
        Ok(audit)
    }

    pub fn figures(&self) -> Vec<Figure> {
        figures(&self.rounds)
    }

    /// The ceilings, and how much of them was reached.
    pub async fn finish(self, ours: &[Figure]) -> Result<(Vec<Figure>, Vec<Share>)> {
        let mut ceilings = self.figures();
        let mut shares = Vec::new();
        if let (Some(ours), Some(ceiling)) = (ours.first(), ceilings.first()) {
            let of = "messages a second of the empty handler";
            shares.extend(share(of, &ours.unit, ours.median, ceiling.median));
        }
        if let Some(beneath) = self.beneath {
            let (measured, of_them) = beneath.finish(ours, &ceilings).await?;
            ceilings.extend(measured);
            shares.extend(of_them);
        }
        Ok((ceilings, shares))
    }
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
