//! The broker's time: never back, never still.

use crate::{Observer, Timestamp, sync::Mutex};
use std::{fmt, sync::Arc, time::Duration};

/// Steps of the wall clock beyond this are reported.
const REPORTED_STEP: Duration = Duration::from_secs(1);

/// Where readings come from.
pub trait TimeSource: Send + Sync + 'static {
    /// The wall clock. It may step either way.
    fn wall(&self) -> Timestamp;
    /// Time since some fixed moment; never back, and it goes on while the machine sleeps.
    fn monotonic(&self) -> Duration;
}

/// The machine's clocks: `CLOCK_REALTIME` and `CLOCK_BOOTTIME`.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemTime;

impl TimeSource for SystemTime {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads a clock")]
    fn wall(&self) -> Timestamp {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        Timestamp(now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads a clock")]
    fn monotonic(&self) -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::new(
            u64::try_from(now.tv_sec).unwrap_or(0),
            u32::try_from(now.tv_nsec).unwrap_or(0),
        )
    }
}

/// A clock moved by hand, for tests.
#[derive(Debug, Default)]
pub struct ManualTime(Mutex<(Timestamp, Duration)>);

impl ManualTime {
    /// A clock whose wall shows that moment.
    #[must_use]
    pub fn at(wall: Timestamp) -> Self {
        Self(Mutex::new((wall, Duration::ZERO)))
    }

    /// Lets time pass, on the wall and on the monotonic clock.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock();
        now.0 = now.0.saturating_add(by);
        now.1 += by;
    }

    /// Steps the wall clock; no time passes.
    pub fn step_to(&self, wall: Timestamp) {
        self.0.lock().0 = wall;
    }
}

impl TimeSource for ManualTime {
    fn wall(&self) -> Timestamp {
        self.0.lock().0
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().1
    }
}

/// The broker's time: `max(wall clock, last reading + half the monotonic time passed)`.
///
/// A forward step of the wall clock is followed at once; a backward step is worked off at half
/// speed, so that an expired message never lives again and deadlines still come.
pub struct Clock {
    source: Arc<dyn TimeSource>,
    observer: Arc<dyn Observer>,
    last: Mutex<Reading>,
}

#[derive(Clone, Copy)]
struct Reading {
    time: Timestamp,
    wall: Timestamp,
    monotonic: Duration,
}

impl Clock {
    /// A clock that never shows a time below `floor`.
    #[must_use]
    pub fn new(source: Arc<dyn TimeSource>, observer: Arc<dyn Observer>, floor: Timestamp) -> Self {
        let (wall, monotonic) = (source.wall(), source.monotonic());
        let last = Mutex::new(Reading { time: wall.max(floor), wall, monotonic });
        Self { source, observer, last }
    }

    /// The broker's time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let mut last = self.last.lock();
        let (wall, monotonic) = (self.source.wall(), self.source.monotonic());
        let (reading, step) = last.advance(wall, monotonic);
        *last = reading;
        drop(last);
        if let Some((forward, by)) = step {
            self.observer.clock_stepped(forward, by);
        }
        reading.time
    }
}

impl Reading {
    /// The next reading, and the step the wall clock made if it is worth a report.
    fn advance(self, wall: Timestamp, monotonic: Duration) -> (Self, Option<(bool, Duration)>) {
        let passed = monotonic.saturating_sub(self.monotonic);
        let time = wall.max(self.time.saturating_add(passed / 2));
        let expected = self.wall.saturating_add(passed);
        let (forward, by) = if wall >= expected {
            (true, wall.since(expected))
        } else {
            (false, expected.since(wall))
        };
        let step = (by > REPORTED_STEP).then_some((forward, by));
        (Self { time, wall, monotonic }, step)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("last", &self.last.lock().time).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Steps(AtomicUsize);

    impl Observer for Steps {
        fn clock_stepped(&self, _: bool, _: Duration) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    fn seconds(n: i64) -> Timestamp {
        Timestamp(n * 1_000_000_000)
    }

    fn at(start: i64) -> (Arc<ManualTime>, Arc<Steps>, Clock) {
        let (time, steps) = (Arc::new(ManualTime::at(seconds(start))), Arc::new(Steps::default()));
        let clock = Clock::new(time.clone(), steps.clone(), Timestamp::MIN);
        (time, steps, clock)
    }

    #[test]
    fn a_forward_step_is_followed_at_once() {
        let (time, steps, clock) = at(100);
        time.step_to(seconds(5_000));
        assert_eq!(clock.now(), seconds(5_000));
        assert_eq!(steps.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_backward_step_is_worked_off_at_half_speed() {
        let (time, steps, clock) = at(100);
        time.step_to(seconds(90));
        assert_eq!(clock.now(), seconds(100));
        time.advance(SECOND * 10);
        assert_eq!(clock.now(), seconds(105));
        time.advance(SECOND * 10);
        assert_eq!(clock.now(), seconds(110));
        time.advance(SECOND * 10);
        assert_eq!(clock.now(), seconds(120));
        assert_eq!(steps.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn no_start_shows_a_time_below_the_floor() {
        let time = Arc::new(ManualTime::at(seconds(100)));
        let clock = Clock::new(time, Arc::new(Steps::default()), seconds(130));
        assert_eq!(clock.now(), seconds(130));
    }

    #[test]
    fn small_steps_are_not_reported() {
        let (time, steps, clock) = at(100);
        time.step_to(seconds(101));
        let _ = clock.now();
        assert_eq!(steps.0.load(Ordering::Relaxed), 0);
    }
}
