//! Some messages, fetched again and again around the moment of their expiry.

use super::super::fetch::look;
use crate::bench::{
    audit::{Audit, Faults},
    caller::EXPIRED,
    ledger::{Answer, Failures, Ledger},
    recorder::SharedRecorder,
    scene::Scene,
};
use std::time::{Duration, Instant, SystemTime};
use tokio::{task::JoinSet, time::sleep};

/// Messages that are watched.
const SAMPLES: u64 = 64;
/// Before its expiry a message is fetched from here on, this often.
const AHEAD: Duration = Duration::from_millis(100);
const EVERY: Duration = Duration::from_millis(5);
/// After which nothing is expected any more.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of it.
pub struct Samples {
    pub audit: Audit,
    pub failures: Failures,
    /// From a message's expiry until the broker said so.
    pub heard: SharedRecorder,
}

/// Watches messages of that ledger until they expired, at the latest some time after `end`.
pub async fn watch(scene: &Scene, ledger: &Ledger, end: Instant) -> Samples {
    let heard = SharedRecorder::new(scene.epoch.now(), scene.plan.time);
    let step = (ledger.sent() / SAMPLES).max(1);
    let numbers = (0..SAMPLES).map(|at| at * step).take_while(|number| *number < ledger.sent());
    let mut watching = JoinSet::new();
    for number in numbers {
        if let Some(Answer::Acknowledged(id)) = ledger.answer(number) {
            watching.spawn(one(scene.clone(), number, id, heard.clone(), end + PATIENCE));
        }
    }
    let mut samples = Samples { audit: Audit::default(), failures: Failures::default(), heard };
    while let Some(one) = watching.join_next().await {
        // A task that panicked would be seen as one sample less.
        if let Ok((audit, failures)) = one {
            samples.audit.add(audit);
            samples.failures.merge(failures);
        }
    }
    samples
}

async fn one(
    scene: Scene,
    number: u64,
    id: u64,
    heard: SharedRecorder,
    end: Instant,
) -> (Audit, Failures) {
    let (mut audit, mut failures) = (Audit::default(), Failures::default());
    let subject = scene.subjects.of(0, number);
    let first = scene.caller.fetch(subject, id).await;
    audit.add(look(&first, subject, id, 0, number));
    let Some(expires) = first.ok().and_then(|message| message.expires_at) else {
        return (audit, failures);
    };
    // The broker's clock is this machine's only if it is on this machine.
    let same_clock = scene.process.is_some();
    sleep(until(expires).saturating_sub(AHEAD)).await;
    while Instant::now() < end {
        let asked = SystemTime::now();
        let answer = scene.caller.fetch(subject, id).await;
        let answered = SystemTime::now();
        match &answer {
            Ok(_) => audit.add(look(&answer, subject, id, 0, number)),
            Err(failure) if failure.status == EXPIRED => {
                let now = scene.epoch.now();
                let after = answered.duration_since(expires).unwrap_or_default();
                let after = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
                heard.lock().record(now.saturating_sub(after), now);
            }
            Err(failure) => failures.count(failure.status.clone()),
        }
        let is_expired = answer.as_ref().is_err_and(|failure| failure.status == EXPIRED);
        if same_clock {
            audit.add(judge(is_expired, answer.is_ok(), expires, asked, answered));
        }
        if is_expired {
            break;
        }
        sleep(EVERY).await;
    }
    (audit, failures)
}

/// Whether an answer came too early or too late.
fn judge(
    is_expired: bool,
    is_shown: bool,
    expires: SystemTime,
    asked: SystemTime,
    answered: SystemTime,
) -> Audit {
    let early = u64::from(is_expired && answered < expires);
    let late = u64::from(is_shown && asked >= expires);
    Audit {
        checked: u64::from(is_expired),
        faults: Faults { early, late, ..Faults::default() },
        ..Audit::default()
    }
}

fn until(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::now()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_and_late_are_judged_by_when_it_was_asked_and_answered() {
        let at = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        let faults = |is_expired, asked, answered| {
            judge(is_expired, !is_expired, at(100), at(asked), at(answered)).faults
        };
        let early = Faults { early: 1, ..Faults::default() };
        let late = Faults { late: 1, ..Faults::default() };
        assert_eq!(faults(false, 98, 99), Faults::default());
        assert_eq!(faults(true, 98, 99), early);
        // Asked before and answered after: both are right.
        assert_eq!(faults(true, 99, 101), Faults::default());
        assert_eq!(faults(false, 99, 101), Faults::default());
        assert_eq!(faults(true, 100, 101), Faults::default());
        assert_eq!(faults(false, 100, 101), late);
    }
}
