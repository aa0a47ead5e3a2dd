//! When the next message is due: at once (closed loop), or at a set rate (open loop).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

/// Hands out turns to send, until the time or the number of messages is used up.
///
/// In an open loop a turn is due when the rate says so, whether anybody is free to take it: latency
/// counted from there has no coordinated omission.
#[derive(Debug)]
pub struct Pace {
    start: Instant,
    end: Instant,
    most: u64,
    taken: AtomicU64,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    /// Messages a second.
    rate: f64,
    /// Turns that are due.
    due: Arc<Semaphore>,
    stop: Arc<AtomicBool>,
}

impl Pace {
    /// From now on, for that long and that many messages at most.
    pub fn begin(rate: Option<f64>, time: Duration, most: u64) -> Self {
        let start = Instant::now();
        let end = start + time;
        let most = rate.map_or(most, |rate| most.min(total(time, rate)));
        let open = rate.map(|rate| {
            let (due, stop) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicBool::new(false)));
            let clockwork = Clockwork { start, rate, most, due: due.clone(), stop: stop.clone() };
            // The runtime's timer knows milliseconds only; a thread can sleep for less.
            thread::spawn(move || clockwork.run());
            Open { rate, due, stop }
        });
        Self { start, end, most, taken: AtomicU64::new(0), open }
    }

    pub fn start(&self) -> Instant {
        self.start
    }

    /// Waits for the next turn; when it was due. `None`: there are no more.
    pub async fn next(&self) -> Option<Instant> {
        match &self.open {
            None => self.at_once(),
            Some(open) => {
                // A closed semaphore has turns left, which are taken first.
                if let Ok(turn) = open.due.acquire().await {
                    turn.forget();
                    return self.turn(open);
                }
                None
            }
        }
    }

    /// As [`Pace::next`], if it need not be waited for.
    pub fn try_next(&self) -> Option<Instant> {
        match &self.open {
            None => self.at_once(),
            Some(open) => {
                open.due.try_acquire().ok()?.forget();
                self.turn(open)
            }
        }
    }

    fn at_once(&self) -> Option<Instant> {
        let now = Instant::now();
        let in_time = now < self.end;
        (in_time && self.taken.fetch_add(1, Ordering::Relaxed) < self.most).then_some(now)
    }

    fn turn(&self, open: &Open) -> Option<Instant> {
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        (number < self.most).then(|| self.start + offset(number, open.rate))
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        if let Some(open) = &self.open {
            open.stop.store(true, Ordering::Relaxed);
        }
    }
}

struct Clockwork {
    start: Instant,
    rate: f64,
    most: u64,
    due: Arc<Semaphore>,
    stop: Arc<AtomicBool>,
}

impl Clockwork {
    fn run(self) {
        let mut given = 0;
        while given < self.most && !self.stop.load(Ordering::Relaxed) {
            let due = total_due(self.start.elapsed(), self.rate).min(self.most);
            if due > given {
                // Far below what a semaphore holds: see the limits of a plan.
                self.due.add_permits(usize::try_from(due - given).unwrap_or(0));
                given = due;
            }
            let next = self.start + offset(given, self.rate);
            thread::sleep(next.saturating_duration_since(Instant::now()).min(LONGEST_SLEEP));
        }
        // Who waits for more learns that there are none; what is due can still be taken.
        self.due.add_permits(LAST);
    }
}

/// After which it looks whether it is still wanted.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);
/// Turns beyond the last, so that nobody waits for ever.
const LAST: usize = 1 << 20;

fn offset(number: u64, rate: f64) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let seconds = number as f64 / rate;
    Duration::from_secs_f64(seconds)
}

/// Messages that are due in that time: the first at once.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positive, and bounded by the plan"
)]
fn total_due(time: Duration, rate: f64) -> u64 {
    (time.as_secs_f64() * rate) as u64 + 1
}

fn total(time: Duration, rate: f64) -> u64 {
    total_due(time, rate).saturating_sub(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(pace: &Pace) -> Vec<Instant> {
        let mut due = Vec::new();
        while let Some(at) = pace.next().await {
            due.push(at);
        }
        due
    }

    #[tokio::test]
    async fn a_closed_loop_ends_with_its_number_or_its_time() {
        let pace = Pace::begin(None, Duration::from_secs(60), 5);
        assert_eq!(all(&pace).await.len(), 5);
        assert_eq!(pace.next().await, None);
        let pace = Pace::begin(None, Duration::ZERO, 5);
        assert!(all(&pace).await.is_empty());
    }

    #[tokio::test]
    async fn an_open_loop_is_due_by_its_rate_however_late_it_is_asked() {
        let pace = Pace::begin(Some(1_000.0), Duration::from_millis(100), 1_000_000);
        let due = all(&pace).await;
        assert_eq!(due.len(), 100);
        for (number, at) in due.iter().enumerate() {
            assert_eq!(*at - pace.start(), Duration::from_secs_f64(number as f64 / 1_000.0));
        }
        assert!(pace.start().elapsed() >= Duration::from_millis(99));
    }

    #[tokio::test]
    async fn an_open_loop_ends_for_all_who_wait() {
        let pace = Pace::begin(Some(100.0), Duration::from_secs(60), 3);
        let counts = futures_util::future::join_all((0..8).map(|_| all(&pace))).await;
        assert_eq!(counts.iter().map(Vec::len).sum::<usize>(), 3);
    }
}
