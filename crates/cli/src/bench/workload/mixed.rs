//! Publishing, fetching and subscribing at once, on the same subjects.

use super::{
    fetch::look,
    publish::{acknowledged, in_order, stored},
};
use crate::bench::{
    audit::{Accounts, Audit},
    lane::{Books, Lane, together},
    listening::{Listeners, Terms},
    pace::Pace,
    process::Meter,
    recorder::{SharedRecorder, merged},
    round::{Flow, Round},
    scene::Scene,
};
use anyhow::Result;
use broker_client::Start;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// Of ten calls, those that are delivered only and the one that fetches; the others store.
const CYCLE: u64 = 10;
const LIVE: [u64; 2] = [3, 7];
const FETCH: u64 = 9;

/// The recorders of the two kinds of call.
#[derive(Clone)]
struct Recorders {
    publishing: SharedRecorder,
    fetching: SharedRecorder,
}

#[derive(Default)]
struct Done {
    books: Books,
    fetched: u64,
    audit: Audit,
}

/// What a publisher stored last. It is fetched as long as it surely lives: half of its lifetime.
struct Last {
    subject: String,
    id: u64,
    number: u64,
    at: Instant,
}

pub async fn play(scene: &Scene) -> Result<Round> {
    let plan = &scene.plan;
    let recorders: Vec<_> = (0..plan.connections)
        .map(|_| Recorders { publishing: scene.recorder(), fetching: scene.recorder() })
        .collect();
    let arrived = scene.recorders(plan.subjects * plan.subscribers);
    let terms = Terms {
        start: Start::New,
        subjects: 0..plan.subjects,
        subscribers: plan.subscribers,
        publishers: plan.in_flight,
        recorders: &arrived,
        crowds: Arc::new([]),
        is_progress: false,
    };
    let listeners = Listeners::subscribe(scene, &scene.subjects, terms).await?;
    let meter = scene.meter()?;
    let (pace, mut calls) = (scene.pace(), JoinSet::new());
    for (at, publisher) in (0..plan.in_flight).zip(0..) {
        let lane = Lane::new(publisher, scene);
        let recorders = recorders[at % recorders.len()].clone();
        let running = run(lane, publisher, scene.clone(), pace.clone(), recorders);
        calls.spawn(async move { (publisher, running.await) });
    }
    let all = in_order(calls).await?;
    let took = pace.start().elapsed();
    let (mut fetched, mut audit, mut books) = (0, Audit::default(), Vec::new());
    for done in all {
        fetched += done.fetched;
        audit.add(done.audit);
        books.push(done.books);
    }
    let (ledgers, mut failures) = together(books);
    let accounts = Accounts::new(&ledgers, scene.subjects.layout());
    let heard = listeners.finish(scene, &accounts).await?;
    let usage = meter.map(Meter::end).transpose()?;
    audit.add(heard.audit(&accounts));
    audit.unknown = accounts.unknown();
    let delivered = heard.flow("delivered", scene.epoch.at(pace.start()));
    failures.merge(heard.failures);
    let size = plan.body_bytes as u64;
    let fetched = Flow { what: "fetched", messages: fetched, bytes: fetched * size, took };
    let mut round = Round {
        flows: vec![acknowledged(&ledgers, scene, took), fetched, delivered],
        stored: stored(&ledgers),
        usage,
        tells_flatness: true,
        failures,
        audit,
        ..Round::default()
    };
    round.latency("acknowledgement", merged(recorders.iter().map(|one| &one.publishing)));
    round.latency("fetch", merged(recorders.iter().map(|one| &one.fetching)));
    round.latency("end to end", merged(&arrived));
    Ok(round)
}

/// One publisher, which fetches its own last stored message now and then.
async fn run(
    mut lane: Lane,
    publisher: u32,
    scene: Scene,
    pace: Arc<Pace>,
    recorders: Recorders,
) -> Done {
    let mut done = Done::default();
    let mut last: Option<Last> = None;
    let mut turn = u64::from(publisher);
    while let Some(due) = pace.next().await {
        turn += 1;
        let due = scene.epoch.at(due);
        match (turn % CYCLE, &last) {
            (FETCH, Some(Last { subject, id, number, at }))
                if at.elapsed() < scene.plan.ttl / 2 =>
            {
                let answer = scene.caller.fetch(subject, *id).await;
                done.audit.add(look(&answer, subject, *id, publisher, *number));
                match answer {
                    Ok(_) => {
                        recorders.fetching.lock().record(due, scene.epoch.now());
                        done.fetched += 1;
                    }
                    Err(failure) => lane.books.failures.count(failure.status),
                }
            }
            (place, _) => {
                let is_live = LIVE.contains(&place);
                let lifetime = if is_live { Duration::ZERO } else { scene.plan.ttl };
                let number = lane.books.ledger.sent();
                let (subject, at) = (lane.subject(&scene).to_owned(), Instant::now());
                if let Some(id) = lane.publish(&scene, due, lifetime).await {
                    recorders.publishing.lock().record(due, scene.epoch.now());
                    if id > 0 {
                        last = Some(Last { subject, id, number, at });
                    }
                }
            }
        }
        scene.progress.add(1);
        if lane.is_hopeless() {
            break;
        }
    }
    Done { books: lane.books, ..done }
}
