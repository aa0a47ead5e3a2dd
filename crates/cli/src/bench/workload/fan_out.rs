//! Publishers, subjects and subscribers who listen while it happens.

use super::{
    publish::{acknowledged, stored},
    stream::publish_all,
};
use crate::bench::{
    audit::Accounts,
    lane::together,
    listening::{Listeners, Terms},
    process::Meter,
    recorder::merged,
    round::Round,
    scene::Scene,
    window::Crowd,
};
use anyhow::Result;
use broker_client::Start;
use std::sync::Arc;

pub async fn play(scene: &Scene) -> Result<Round> {
    let plan = &scene.plan;
    let (sent, arrived) =
        (scene.recorders(plan.publishers), scene.recorders(plan.subjects * plan.subscribers));
    let share = plan.in_flight.div_ceil(plan.subjects);
    let crowds: Arc<[Crowd]> =
        (0..plan.subjects).map(|_| Crowd::new(share, plan.subscribers)).collect();
    let terms = Terms {
        start: Start::New,
        subjects: 0..plan.subjects,
        subscribers: plan.subscribers,
        publishers: plan.publishers,
        recorders: &arrived,
        crowds: crowds.clone(),
        is_progress: true,
    };
    let listeners = Listeners::subscribe(scene, &scene.subjects, terms).await?;
    let meter = scene.meter()?;
    let pace = scene.pace();
    let books = publish_all(scene, &pace, &crowds, &sent).await?;
    let took = pace.start().elapsed();
    let (ledgers, mut failures) = together(books);
    let accounts = Accounts::new(&ledgers, scene.subjects.layout());
    let heard = listeners.finish(scene, &accounts).await?;
    let usage = meter.map(Meter::end).transpose()?;
    let audit = heard.audit(&accounts);
    let delivered = heard.flow("delivered", scene.epoch.at(pace.start()));
    failures.merge(heard.failures);
    let mut round = Round {
        flows: vec![delivered, acknowledged(&ledgers, scene, took)],
        stored: stored(&ledgers),
        usage,
        failures,
        audit,
        ..Round::default()
    };
    round.audit.unknown = accounts.unknown();
    round.latency("end to end", merged(&arrived));
    round.latency("acknowledgement", merged(&sent));
    Ok(round)
}
