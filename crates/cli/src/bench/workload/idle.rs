//! No load: subscribers who hear nothing, and messages that nobody reads. Then each subject is published
//! to once, and everything kept is read back: it was idle, not gone.

use super::publish::{acknowledged, stored};
use crate::bench::{
    audit::Accounts,
    lane::{Lane, together},
    listening::{Listeners, Terms, read_back},
    process::Meter,
    recorder::merged,
    round::Round,
    scene::Scene,
};
use anyhow::{Context, Result};
use broker_client::Start;
use std::{sync::Arc, time::Instant};
use tokio::time::sleep;

pub async fn play(scene: &Scene) -> Result<Round> {
    let plan = &scene.plan;
    let stock = scene.stock.clone().context("nothing was stored to be kept")?;
    let (published, arrived) = (scene.recorder(), scene.recorders(plan.subjects));
    let terms = Terms {
        start: Start::New,
        subjects: 0..plan.subjects,
        subscribers: plan.subscribers,
        publishers: 1,
        recorders: &arrived,
        crowds: Arc::new([]),
        is_progress: true,
    };
    let listeners = Listeners::subscribe(scene, &scene.subjects, terms).await?;
    let meter = scene.meter()?;
    let begun = Instant::now();
    sleep(plan.time).await;
    let usage = meter.map(Meter::end).transpose()?;
    let idle = Some(begun.elapsed());

    let (begun, mut lane) = (Instant::now(), Lane::new(0, scene));
    for _ in 0..plan.subjects {
        let due = scene.epoch.now();
        if lane.publish(scene, due, scene.lifetime()).await.is_some() {
            published.lock().record(due, scene.epoch.now());
        }
    }
    let took = begun.elapsed();
    let (ledgers, mut failures) = together(vec![lane.books]);
    let accounts = Accounts::new(&ledgers, scene.subjects.layout());
    let heard = listeners.finish(scene, &accounts).await?;
    let mut audit = heard.audit(&accounts);
    audit.unknown += accounts.unknown();
    let kept = Accounts::new(&stock.ledgers, stock.subjects.layout());
    audit.add(read_back(scene, &stock.subjects, &kept, stock.ledgers.len()).await?);
    let delivered = heard.flow("delivered", scene.epoch.at(begun));
    failures.merge(heard.failures);
    let mut round = Round {
        flows: vec![delivered, acknowledged(&ledgers, scene, took)],
        stored: stored(&ledgers),
        usage,
        failures,
        audit,
        tells_flatness: true,
        idle,
        ..Round::default()
    };
    round.latency("acknowledgement", merged([&published]));
    round.latency("end to end", merged(&arrived));
    Ok(round)
}
