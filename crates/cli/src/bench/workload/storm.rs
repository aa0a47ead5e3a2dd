//! Many messages that expire within one second, while others are published.
//!
//! A round stores the messages, reads them all back, and then publishes at the set rate before, while
//! and after they expire. Some are fetched again and again around the moment of their expiry, and when
//! all have expired they are looked for once more.

mod sample;

use super::publish::{acknowledged, in_order};
use crate::bench::{
    audit::{Accounts, Audit, Faults, NUDGE},
    body::{self, Stamp},
    caller::{Message, Received},
    ceilings::append::record,
    course::size,
    lane::{Books, Lane, together},
    ledger::Ledger,
    listening::read_back,
    pace::Pace,
    process::Meter,
    recorder::{Recorder, SharedRecorder},
    round::{Flow, Other, Round},
    scene::{Scene, Subjects},
    streamer::{Expiry, Streamer},
};
use anyhow::{Result, anyhow, ensure};
use broker_client::Start;
use futures_util::future::try_join_all;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    task::JoinSet,
    time::{interval, sleep_until, timeout},
};

/// In which all of them expire.
const SPAN: Duration = Duration::from_secs(1);
/// Between the last one stored and the first one to expire, at least: for reading them back, and for
/// publishing before it.
const LEAST_QUIET: Duration = Duration::from_secs(2);
/// Under way while they are stored.
const FILL_IN_FLIGHT: usize = 16_384;
/// How long the disk's space may take to come back.
const SPACE_TIME: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a subscription to what has expired may take.
const LOOK_TIME: Duration = Duration::from_secs(10);

/// The phases of publishing beside the storm.
#[derive(Clone)]
struct Phases {
    begins: u64,
    ends: u64,
    before: SharedRecorder,
    during: SharedRecorder,
    after: SharedRecorder,
}

pub async fn play(scene: &Scene) -> Result<Round> {
    let quiet = scene.plan.time.max(LEAST_QUIET);
    let begun = Instant::now();
    let expiry = begun + scene.plan.time + 2 * quiet;
    let end = expiry + SPAN;
    let room = scene.data.as_deref().map(size).transpose()?;

    let (ledger, stored) = fill(scene, expiry, end).await?;
    let ledgers = [ledger];
    let accounts = Accounts::new(&ledgers, scene.subjects.layout());
    let mut audit = read_back(scene, &scene.subjects, &accounts, 1).await?;
    ensure!(
        Instant::now() + LEAST_QUIET / 2 < expiry,
        "storing and reading back {} messages took too long before they expire; ask for fewer with \
         --messages, or for more --time",
        stored.messages
    );

    let meter = scene.meter()?;
    let phases = phases(scene, expiry, end);
    let beside = publish_beside(scene.clone(), end + quiet, phases.clone());
    let samples = sample::watch(scene, &ledgers[0], end);
    let space = space(scene, room, end);
    let (beside, samples, space) = tokio::join!(beside, samples, space);
    let (books, took) = beside?;
    let usage = meter.map(Meter::end).transpose()?;
    audit.add(samples.audit);
    audit.add(look_again(scene).await?);
    let (beside, mut failures) = together(books);
    failures.merge(samples.failures);
    let mut round = Round {
        stored: stored.messages + super::publish::stored(&beside),
        flows: vec![acknowledged(&beside, scene, took), stored],
        usage,
        failures,
        audit,
        others: space?,
        ..Round::default()
    };
    for (what, recorder) in [
        ("acknowledgement before", &phases.before),
        ("acknowledgement during", &phases.during),
        ("acknowledgement after", &phases.after),
        ("heard of expiry", &samples.heard),
    ] {
        let recorder: Recorder = recorder.lock().clone();
        round.latency(what, Some(recorder));
    }
    Ok(round)
}

fn phases(scene: &Scene, expiry: Instant, end: Instant) -> Phases {
    let (begins, ends) = (scene.epoch.at(expiry), scene.epoch.at(end));
    let recorder = scene.recorder();
    let other = |start| SharedRecorder::new(start, scene.plan.time);
    Phases { begins, ends, before: recorder, during: other(begins), after: other(ends) }
}

/// Stores messages that expire between these two moments.
async fn fill(scene: &Scene, expiry: Instant, end: Instant) -> Result<(Ledger, Flow)> {
    let pace = Arc::new(Pace::begin(None, scene.plan.time, scene.plan.messages));
    let streamer = Streamer {
        publisher: 0,
        scene: scene.clone(),
        pace: pace.clone(),
        crowds: Arc::new([]),
        recorder: scene.recorder(),
        in_flight: FILL_IN_FLIGHT,
        expiry: Expiry::Between(scene.epoch.at(expiry), scene.epoch.at(end)),
    };
    let books = streamer.run().await?;
    let flow = acknowledged(std::slice::from_ref(&books.ledger), scene, pace.start().elapsed());
    ensure!(flow.messages > 0, "no message could be stored: {}", books.failures);
    Ok((books.ledger, Flow { what: "stored", ..flow }))
}

/// Publishes to other subjects at the set rate, up to that moment.
async fn publish_beside(
    scene: Scene,
    until: Instant,
    phases: Phases,
) -> Result<(Vec<Books>, Duration)> {
    let prefix = format!("{}.beside", scene.subjects.names()[0]);
    let subjects = Subjects::new(&prefix, scene.subjects.names().len());
    let scene = Scene { subjects, ..scene };
    let time = until.saturating_duration_since(Instant::now());
    let pace = Arc::new(Pace::begin(scene.plan.rate, time, u64::MAX >> 12));
    let mut calls = JoinSet::new();
    for (_, publisher) in (0..scene.plan.in_flight).zip(0..) {
        let phases = phases.clone();
        let note = move |due, now| phases.of(due).lock().record(due, now);
        let running = Lane::new(publisher, &scene).run(scene.clone(), pace.clone(), note);
        calls.spawn(async move { (publisher, running.await) });
    }
    Ok((in_order(calls).await?, pace.start().elapsed()))
}

impl Phases {
    fn of(&self, due: u64) -> &SharedRecorder {
        match due {
            due if due < self.begins => &self.before,
            due if due < self.ends => &self.during,
            _ => &self.after,
        }
    }
}

/// Looks for what has expired: whatever comes is late.
async fn look_again(scene: &Scene) -> Result<Audit> {
    let found = try_join_all(scene.subjects.names().iter().map(|subject| async move {
        match timeout(LOOK_TIME, expired(scene, subject)).await {
            Ok(found) => found,
            Err(_) => {
                Err(anyhow!("a subscription to expired messages gave nothing for {LOOK_TIME:?}"))
            }
        }
    }));
    let late = found.await?.iter().sum();
    Ok(Audit { checked: late, faults: Faults { late, ..Faults::default() }, ..Audit::default() })
}

/// Counts what a subscription still shows, up to a message that is published behind it.
async fn expired(scene: &Scene, subject: &str) -> Result<u64> {
    let failed = |failure: crate::bench::caller::Failure| anyhow!("{}", failure.text);
    let mut feed = scene.caller.subscribe(subject, Start::Retained).await.map_err(failed)?;
    let lifetime = Duration::ZERO;
    let body = scene.press().body(Stamp { publisher: NUDGE, number: 0, due: 0, lifetime });
    let last = Message { subject: subject.to_owned(), body, lifetime };
    scene.caller.publish(last).await.map_err(failed)?;
    let mut found = 0;
    loop {
        if let Received::Message(message) = feed.next().await.map_err(failed)? {
            if body::read(&message.body).is_some_and(|stamp| stamp.publisher == NUDGE) {
                return Ok(found);
            }
            found += 1;
        }
    }
}

/// How much space the storm took, and how long it took to come back after the last had expired.
#[expect(clippy::cast_precision_loss, reason = "sizes for the eye")]
async fn space(scene: &Scene, before: Option<u64>, end: Instant) -> Result<Vec<Other>> {
    let (Some(before), Some(data)) = (before, scene.data.as_deref()) else { return Ok(Vec::new()) };
    let (begun, filled) = (Instant::now(), size(data)?);
    let half = before + filled.saturating_sub(before) / 2;
    // What is published beside takes its own.
    let beside = |at: Instant| {
        let messages = scene.plan.rate.unwrap_or(0.0) * (at - begun).as_secs_f64();
        messages * record(scene.plan.body_bytes) as f64
    };
    let mut look = interval(LOOK_EVERY);
    sleep_until(end.into()).await;
    let mut now = size(data)?;
    while now as f64 > half as f64 + beside(Instant::now()) && end.elapsed() < SPACE_TIME {
        look.tick().await;
        now = size(data)?;
    }
    let seconds = end.elapsed().as_secs_f64();
    Ok(vec![
        Other::size("store before the storm", before),
        Other::size("store with the storm", filled),
        Other::size("store when half was given back", now),
        Other::lower("until half was given back", "s", seconds),
    ])
}
