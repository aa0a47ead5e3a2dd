//! A run from its first connection to its last round.

use super::{
    arguments::BenchCommand,
    caller::Caller,
    ceilings::{beneath::Beneath, side::Side},
    host::Host,
    ledger::{Failures, Ledger},
    plan::Plan,
    progress::Progress,
    report::{PerMessage, Report, courses, timelines},
    round::Round,
    scene::{Scene, Subjects},
    summary::figures,
    target::Target,
    time::Epoch,
    workload::{Workload, replay, restart},
};
use anyhow::{Context, Result};
use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

/// Measures a broker by a workload.
pub async fn run(command: &BenchCommand, progress: &Progress) -> Result<Report> {
    let plan = Plan::new(command)?;
    let target = Target::open(command).await?;
    let mut report = Report::new(plan.words(), target.words());
    let mut side = match command.ceiling {
        true => {
            let beneath = Beneath::open(&plan, &target).await?;
            Some(Side::open(&plan, beneath, progress).await?)
        }
        false => None,
    };
    let mut session = Session::open(plan.clone(), &target, progress).await?;
    let mut rounds = Vec::new();
    for number in plan.numbers() {
        let name = match number {
            0 => "warming up".to_owned(),
            number => format!("round {number} of {}", plan.rounds),
        };
        let time = plan.longest(number == 0);
        progress.begin(&name, plan.expected(), time);
        let round = session.play(number).await?;
        report.audit.add(round.audit);
        if let Some(side) = &mut side {
            progress.begin(&format!("{name}, ceiling"), plan.expected(), time);
            report.audit.add(side.play(number).await?);
        }
        if number > 0 {
            report.timelines.extend(timelines(&round, number));
            report.courses.extend(courses(&round, number));
            rounds.push(round);
        }
    }
    report.figures = figures(&rounds);
    let mut failures = Failures::default();
    rounds.iter().for_each(|round| failures.merge(round.failures.clone()));
    report.errors = failures.0;
    let stored = session.stored;
    drop(session);
    if let Some(side) = side {
        (report.ceilings, report.shares) = side.finish(&report.figures).await?;
    }
    let activity = target.close().await?;
    report.per_stored_message = activity
        .filter(|activity| activity.syncs > 0 || activity.database.is_some())
        .and_then(|activity| PerMessage::of(activity, stored));
    report.plan = Some(plan);
    Ok(report)
}

/// Rounds on one broker.
pub struct Session {
    plan: Plan,
    scene: Scene,
    /// Not in the scene, so that no task of it keeps the broker alive.
    host: Option<Host>,
    token: String,
    /// Messages that were stored so far.
    pub stored: u64,
}

impl Session {
    async fn open(plan: Plan, target: &Target, progress: &Progress) -> Result<Self> {
        let caller = Caller::connect(&target.address, plan.client, plan.connections).await?;
        let token = format!("{:012x}", RandomState::new().hash_one(std::process::id()) >> 16);
        let scene = Scene {
            plan: Arc::new(plan.clone()),
            caller,
            epoch: Epoch::begin(),
            subjects: Subjects::new(&format!("bench.{token}.stock"), plan.subjects),
            process: target.process,
            data: target.data(),
            progress: progress.clone(),
            stock: None,
            is_empty: false,
        };
        let mut session = Self { plan, scene, host: target.host(), token, stored: 0 };
        if session.plan.workload.needs_stock() {
            let stock = replay::fill(&session.scene).await?;
            session.stored = stock.ledgers.iter().map(Ledger::stored).sum();
            session.scene.stock = Some(Arc::new(stock));
        }
        Ok(session)
    }

    /// Plays a round on subjects of its own; that of number 0 warms up.
    async fn play(&mut self, number: usize) -> Result<Round> {
        let plan = self.plan.of_round(number);
        let prefix = format!("bench.{}.{number}", self.token);
        let mut scene = Scene {
            subjects: Subjects::new(&prefix, plan.subjects),
            plan: Arc::new(plan),
            ..self.scene.clone()
        };
        let round = match self.plan.workload {
            Workload::Restart => {
                let host = self.host.as_ref().context("restart needs a broker of its own")?;
                let round = restart::play(&mut scene, host).await?;
                (self.scene.caller, self.scene.process) = (scene.caller, scene.process);
                round
            }
            workload => workload.play(&scene).await?,
        };
        self.stored += round.stored;
        Ok(round)
    }
}

/// Whether the workload's own messages went through at all.
pub fn measured_something(report: &Report) -> bool {
    report.plan.as_ref().is_none_or(|plan| plan.workload == Workload::Ceilings)
        || report.figures.first().is_some_and(|figure| figure.median > 0.0)
}
