//! A broker that is killed while it is published to, and started again on what it has stored.

use super::publish::acknowledged;
use crate::bench::{
    audit::Accounts,
    caller::Caller,
    course::size,
    host::Host,
    lane::Books,
    ledger::Ledger,
    listening::read_back,
    pace::Pace,
    process::{Meter, Process},
    recorder::SharedRecorder,
    round::{Other, Round},
    scene::Scene,
    streamer::{Expiry, Streamer},
};
use anyhow::{Context, Result, anyhow, ensure};
use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::interval;

/// How long storing the messages may take.
pub const FILL_TIME: Duration = Duration::from_secs(600);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Plays a round; afterwards the scene is that of the broker that was started again.
pub async fn play(scene: &mut Scene, host: &Host) -> Result<Round> {
    let (mut round, ledger) = fill_and_kill(scene, host).await?;
    let size = scene.data.as_deref().map(size).transpose()?;
    round.others.extend(size.map(|bytes| Other::size("store when killed", bytes)));
    round.others.extend(restart(scene, host, &ledger).await?);
    let meter = scene.meter()?;
    let ledgers = [ledger];
    let accounts = Accounts::new(&ledgers, scene.subjects.layout());
    round.audit = read_back(scene, &scene.subjects, &accounts, 1).await?;
    let peak = meter.map(Meter::end).transpose()?.map(|usage| usage.anonymous);
    let name = "peak anonymous memory, reading all of it";
    round.others.extend(peak.map(|bytes| Other::size(name, bytes)));
    Ok(round)
}

/// Stores the messages and goes on publishing while the broker is killed. That calls fail by that is no
/// error, and nothing is told of it.
async fn fill_and_kill(scene: &Scene, host: &Host) -> Result<(Round, Ledger)> {
    let recorder = SharedRecorder::new(scene.epoch.now(), scene.plan.time);
    let begun = Instant::now();
    let mut publishing = pin!(publish(scene, &recorder));
    let meter = scene.meter()?;
    tokio::select! {
        books = &mut publishing => return Err(ended(scene, &books?)),
        () = stored(&recorder, scene.plan.messages) => {}
    }
    let took = begun.elapsed();
    let usage = meter.map(Meter::end).transpose()?;
    let (books, killed) = tokio::join!(publishing, host.kill());
    killed?;
    let ledger = books?.ledger;
    let mut round = Round {
        flows: vec![acknowledged(std::slice::from_ref(&ledger), scene, took)],
        usage,
        // `stored` stays 0: nobody can tell what the killed broker asked of its disk.
        ..Round::default()
    };
    round.latency("acknowledgement", Some(recorder.lock().clone()));
    Ok((round, ledger))
}

/// Publishes until nobody is there any more.
async fn publish(scene: &Scene, recorder: &SharedRecorder) -> Result<Books> {
    let streamer = Streamer {
        publisher: 0,
        scene: scene.clone(),
        pace: Arc::new(Pace::begin(None, FILL_TIME, u64::MAX >> 12)),
        crowds: Arc::new([]),
        recorder: recorder.clone(),
        in_flight: scene.plan.in_flight,
        expiry: Expiry::Planned,
    };
    streamer.run().await
}

/// Returns when so many messages are acknowledged.
async fn stored(recorder: &SharedRecorder, messages: u64) {
    let mut look = interval(LOOK_EVERY);
    while recorder.lock().count() < messages {
        look.tick().await;
    }
}

fn ended(scene: &Scene, books: &Books) -> anyhow::Error {
    anyhow!(
        "only {} of {} messages could be stored in {FILL_TIME:?}: {}",
        books.ledger.acknowledged(),
        scene.plan.messages,
        books.failures
    )
}

/// Starts it again, and waits until it shows a message that was acknowledged before.
async fn restart(scene: &mut Scene, host: &Host, ledger: &Ledger) -> Result<Vec<Other>> {
    let (number, id) = ledger.first().context("no message was acknowledged")?;
    let begun = Instant::now();
    let started = host.start().await?;
    let plan = &scene.plan;
    scene.process = started.process;
    scene.caller = Caller::connect(&started.address, plan.client, plan.connections).await?;
    let shown = scene.caller.fetch(scene.subjects.of(0, number), id).await;
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(
        shown.is_ok(),
        "the broker that was started again does not show its first message: {}",
        shown.err().map(|failure| failure.status).unwrap_or_default()
    );
    let memory = scene.process.map(Process::anonymous).transpose()?;
    let memory = memory.map(|bytes| Other::size("anonymous memory when it serves again", bytes));
    let until = Other::lower("until it serves again", "s", seconds);
    Ok([until].into_iter().chain(memory).collect())
}
