//! Since when the database does nothing of what it is asked.

use super::failure::Failure;
use parking_lot::Mutex;
use std::time::Duration;

/// What was heard of the database last. Any answer ends an outage, so it tells of one in which nothing
/// is answered; what fails among other things that do not has only its own time.
#[derive(Debug, Default)]
pub struct Outage(Mutex<Option<Duration>>);

impl Outage {
    /// What became of a statement at that moment.
    pub fn heard<T>(&self, result: &Result<T, Failure>, now: Duration) {
        let mut since = self.0.lock();
        match result {
            Err(Failure::NotDone(_) | Failure::Unknown(_)) => {
                since.get_or_insert(now);
            }
            Ok(_) | Err(Failure::Refused(_) | Failure::Fenced) => *since = None,
        }
    }

    /// Whether it has lasted so long at that moment: then nobody has to wait as long again.
    pub fn has_lasted(&self, time: Duration, now: Duration) -> bool {
        self.0.lock().is_some_and(|since| now.saturating_sub(since) >= time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_lasts_from_the_first_failure_to_the_next_answer() {
        let (outage, second) = (Outage::default(), Duration::from_secs(1));
        let fails = || Err::<(), _>(Failure::NotDone("away".into()));
        assert!(!outage.has_lasted(second, second * 100));
        outage.heard(&fails(), second * 10);
        outage.heard(&fails(), second * 11);
        assert!(outage.has_lasted(second * 2, second * 12));
        assert!(!outage.has_lasted(second * 2, second * 12 - Duration::from_nanos(1)));
        outage.heard(&Ok(()), second * 12);
        assert!(!outage.has_lasted(second, second * 20));
        outage.heard(&fails(), second * 21);
        assert!(!outage.has_lasted(second, second * 21));
    }
}
