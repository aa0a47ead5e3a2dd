//! Unary Publish calls: as many under way as asked for, each followed by another.

use crate::bench::{
    audit::{Accounts, Audit},
    lane::{Books, Lane, together},
    ledger::{Answer, Ledger},
    listening::read_back,
    pace::Pace,
    process::Meter,
    recorder::{SharedRecorder, merged},
    round::{Flow, Round},
    scene::Scene,
};
use anyhow::Result;
use std::time::Duration;
use tokio::task::JoinSet;

pub async fn play(scene: &Scene) -> Result<Round> {
    let recorders = scene.recorders(scene.plan.connections);
    let meter = scene.meter()?;
    let (pace, mut calls) = (scene.pace(), JoinSet::new());
    for (lane, at) in (0..scene.plan.in_flight).zip(0..) {
        let recorder = recorders[lane % recorders.len()].clone();
        let note = move |due, now| recorder.lock().record(due, now);
        let running = Lane::new(at, scene).run(scene.clone(), pace.clone(), note);
        calls.spawn(async move { (at, running.await) });
    }
    let books = in_order(calls).await?;
    conclude(scene, books, &pace, meter, &recorders).await
}

/// What came of a round of nothing but publishing, which ends now.
pub async fn conclude(
    scene: &Scene,
    books: Vec<Books>,
    pace: &Pace,
    meter: Option<Meter>,
    recorders: &[SharedRecorder],
) -> Result<Round> {
    let took = pace.start().elapsed();
    let usage = meter.map(Meter::end).transpose()?;
    let (ledgers, failures) = together(books);
    let mut round = Round {
        flows: vec![acknowledged(&ledgers, scene, took)],
        stored: stored(&ledgers),
        usage,
        failures,
        audit: audit(scene, &ledgers).await?,
        ..Round::default()
    };
    round.latency("acknowledgement", merged(recorders));
    Ok(round)
}

/// Waits for all tasks; their results by publisher, while the set gives them as they end.
pub async fn in_order<T: 'static>(mut tasks: JoinSet<(u32, T)>) -> Result<Vec<T>> {
    let mut results = Vec::new();
    while let Some(one) = tasks.join_next().await {
        results.push(one?);
    }
    results.sort_by_key(|(publisher, _)| *publisher);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

pub fn stored(ledgers: &[Ledger]) -> u64 {
    ledgers.iter().map(Ledger::stored).sum()
}

pub fn acknowledged(ledgers: &[Ledger], scene: &Scene, took: Duration) -> Flow {
    let messages = ledgers.iter().map(Ledger::acknowledged).sum();
    let bytes = messages * scene.plan.body_bytes as u64;
    Flow { what: "acknowledged", messages, bytes, took }
}

/// What was stored is read back. Where nothing is, only the acknowledgements can be looked at.
pub async fn audit(scene: &Scene, ledgers: &[Ledger]) -> Result<Audit> {
    if scene.is_empty {
        return Ok(acknowledgements(ledgers, |id| id > 0));
    }
    if scene.plan.live {
        return Ok(acknowledgements(ledgers, |id| id == 0));
    }
    let accounts = Accounts::new(ledgers, scene.subjects.layout());
    read_back(scene, &scene.subjects, &accounts, ledgers.len()).await
}

fn acknowledgements(ledgers: &[Ledger], is_right: impl Fn(u64) -> bool) -> Audit {
    let mut audit = Audit::default();
    for ledger in ledgers {
        audit.unknown += ledger.unknown();
        for number in 0..ledger.sent() {
            if let Some(Answer::Acknowledged(id)) = ledger.answer(number) {
                audit.checked += 1;
                audit.faults.wrong += u64::from(!is_right(id));
            }
        }
    }
    audit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_that_says_stored_is_wrong_for_what_is_delivered_only() {
        let ledger = Ledger::of([0, 0, 7].map(Answer::Acknowledged));
        let audit = acknowledgements(&[ledger], |id| id == 0);
        assert_eq!((audit.checked, audit.faults.wrong), (3, 1));
    }
}
