//! Fetch calls of stored messages, in an order that chance made.

use crate::bench::{
    audit::{Audit, Faults, has_lifetime},
    body,
    caller::{EXPIRED, Failure},
    lane::MOST_FAILURES,
    ledger::{Answer, Failures},
    pace::Pace,
    process::Meter,
    recorder::{SharedRecorder, merged},
    round::{Flow, Round},
    scene::{Scene, Stock},
};
use anyhow::{Context, Result};
use broker_client::Delivery;
use std::sync::Arc;
use tokio::task::JoinSet;

/// What one caller saw.
#[derive(Default)]
struct Fetched {
    messages: u64,
    bytes: u64,
    audit: Audit,
    failures: Failures,
}

pub async fn play(scene: &Scene) -> Result<Round> {
    let stock = scene.stock.clone().context("nothing was stored to be fetched")?;
    let recorders = scene.recorders(scene.plan.connections);
    let meter = scene.meter()?;
    // Calls are not bounded by what is stored.
    let pace = Arc::new(Pace::begin(scene.plan.rate, scene.plan.time, u64::MAX >> 12));
    let mut calls = JoinSet::new();
    for (at, seed) in (0..scene.plan.in_flight).zip(1..) {
        let recorder = recorders[at % recorders.len()].clone();
        calls.spawn(fetch_all(scene.clone(), stock.clone(), pace.clone(), recorder, seed));
    }
    let mut sum = Fetched::default();
    while let Some(fetched) = calls.join_next().await {
        let fetched = fetched?;
        sum.messages += fetched.messages;
        sum.bytes += fetched.bytes;
        sum.audit.add(fetched.audit);
        sum.failures.merge(fetched.failures);
    }
    let took = pace.start().elapsed();
    let usage = meter.map(Meter::end).transpose()?;
    let (messages, bytes) = (sum.messages, sum.bytes);
    let mut round = Round {
        flows: vec![Flow { what: "fetched", messages, bytes, took }],
        usage,
        failures: sum.failures,
        audit: sum.audit,
        ..Round::default()
    };
    round.latency("fetch", merged(&recorders));
    Ok(round)
}

async fn fetch_all(
    scene: Scene,
    stock: Arc<Stock>,
    pace: Arc<Pace>,
    recorder: SharedRecorder,
    mut seed: u64,
) -> Fetched {
    let (mut fetched, mut failing) = (Fetched::default(), 0);
    while let Some(due) = pace.next().await {
        let number = pick(&mut seed) % stock.ledgers[0].sent();
        let Some(Answer::Acknowledged(id)) = stock.ledgers[0].answer(number) else { continue };
        let subject = stock.subjects.of(0, number);
        let answer = scene.caller.fetch(subject, id).await;
        fetched.audit.add(look(&answer, subject, id, 0, number));
        match answer {
            Ok(message) => {
                recorder.lock().record(scene.epoch.at(due), scene.epoch.now());
                fetched.messages += 1;
                fetched.bytes += message.body.len() as u64;
                scene.progress.add(1);
                failing = 0;
            }
            Err(failure) => {
                fetched.failures.count(failure.status);
                failing += 1;
                if failing >= MOST_FAILURES {
                    break;
                }
            }
        }
    }
    fetched
}

/// What is to be said of the fetch of a stored message that has not expired.
pub fn look(
    answer: &Result<Delivery, Failure>,
    subject: &str,
    id: u64,
    publisher: u32,
    number: u64,
) -> Audit {
    let mut faults = Faults::default();
    match answer {
        Ok(message) => {
            let stamp = body::read(&message.body);
            let is_it = stamp.is_some_and(|stamp| {
                (stamp.publisher, stamp.number) == (publisher, number)
                    && has_lifetime(message, stamp)
            });
            let is_right = is_it && message.id == id && message.subject == subject;
            faults.wrong += u64::from(!is_right);
        }
        Err(failure) if failure.status == EXPIRED => faults.early += 1,
        Err(failure) if failure.status == "MESSAGE_NOT_FOUND" => faults.lost += 1,
        // The broker did not say that it is not there.
        Err(_) => return Audit::default(),
    }
    Audit { checked: 1, faults, ..Audit::default() }
}

/// The next of a sequence without a pattern (xorshift).
fn pick(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::body::{Press, Stamp};
    use std::time::{Duration, SystemTime};

    #[test]
    fn a_fetch_is_right_wrong_early_or_lost() {
        let lifetime = Duration::from_secs(9);
        let body = Press::new(50).body(Stamp { publisher: 2, number: 3, due: 0, lifetime });
        let message = Delivery {
            id: 7,
            subject: "s".into(),
            body,
            published_at: Some(SystemTime::UNIX_EPOCH),
            expires_at: Some(SystemTime::UNIX_EPOCH + lifetime),
            headers: Default::default(),
            missed: 0,
        };
        let right = Ok(message.clone());
        assert_eq!(look(&right, "s", 7, 2, 3).faults, Faults::default());
        let wrong = Faults { wrong: 1, ..Faults::default() };
        assert_eq!(look(&right, "s", 7, 2, 4).faults, wrong);
        assert_eq!(look(&right, "s", 8, 2, 3).faults, wrong);
        assert_eq!(look(&right, "t", 7, 2, 3).faults, wrong);
        assert_eq!(look(&Ok(Delivery { body: "x".into(), ..message }), "s", 7, 2, 3).faults, wrong);
        let failed = |status: &str| {
            let (status, text) = (status.to_owned(), String::new());
            look(&Err(Failure { status, is_outcome_unknown: false, text }), "s", 7, 2, 3).faults
        };
        assert_eq!(failed("MESSAGE_EXPIRED"), Faults { early: 1, ..Faults::default() });
        assert_eq!(failed("MESSAGE_NOT_FOUND"), Faults { lost: 1, ..Faults::default() });
        assert_eq!(failed("OVERLOADED"), Faults::default());
    }
}
