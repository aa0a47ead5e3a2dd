//! Subscribing to what is stored.

use crate::bench::{
    audit::Accounts,
    lane::together,
    ledger::Ledger,
    listening::{Listeners, Terms},
    plan::Plan,
    process::Meter,
    recorder::Recorder,
    round::Round,
    scene::{Scene, Stock},
    workload::stream::{no_crowds, publish_all},
};
use anyhow::{Context, Result, ensure};
use broker_client::Start;
use std::{sync::Arc, time::Duration};

/// How long storing the messages that are read may take.
const STOCK_TIME: Duration = Duration::from_secs(600);
/// Under way while they are stored: each connection's window.
const STOCK_IN_FLIGHT: usize = 16_384;

/// Publishes what the rounds will read.
pub async fn fill(scene: &Scene) -> Result<Stock> {
    let plan = Plan {
        rate: None,
        time: STOCK_TIME,
        in_flight: STOCK_IN_FLIGHT,
        publishers: 1,
        live: false,
        ..(*scene.plan).clone()
    };
    let scene = Scene { plan: Arc::new(plan), ..scene.clone() };
    scene.progress.begin("storing", scene.plan.messages, scene.plan.time);
    let recorders = scene.recorders(1);
    let books = publish_all(&scene, &scene.pace(), &no_crowds(), &recorders).await?;
    let (ledgers, failures) = together(books);
    let stored: u64 = ledgers.iter().map(Ledger::acknowledged).sum();
    ensure!(
        stored == scene.plan.messages,
        "only {stored} of {} messages to read could be stored: {}",
        scene.plan.messages,
        failures
    );
    Ok(Stock { subjects: scene.subjects.clone(), ledgers })
}

pub async fn play(scene: &Scene) -> Result<Round> {
    let stock = scene.stock.clone().context("nothing was stored to be read")?;
    let accounts = Accounts::new(&stock.ledgers, stock.subjects.layout());
    let meter = scene.meter()?;
    let begun = scene.epoch.now();
    let terms = Terms {
        start: Start::Retained,
        subjects: 0..stock.subjects.names().len(),
        subscribers: scene.plan.subscribers,
        publishers: stock.ledgers.len(),
        recorders: &[],
        crowds: Arc::new([]),
        is_progress: true,
    };
    let listeners = Listeners::subscribe(scene, &stock.subjects, terms).await?;
    let heard = listeners.finish(scene, &accounts).await?;
    let usage = meter.map(Meter::end).transpose()?;
    let replayed = heard.flow("replayed", begun);
    let mut firsts = Recorder::new(begun, replayed.took);
    heard.firsts.iter().for_each(|first| firsts.record(begun, *first));
    let audit = heard.audit(&accounts);
    let mut round =
        Round { flows: vec![replayed], usage, failures: heard.failures, audit, ..Round::default() };
    round.latency("first message", Some(firsts));
    Ok(round)
}
