//! The wall clock: whether it follows a better one, and whether the store has seen a later time.

use super::finding::Finding;
use broker_core::{SystemTime, TimeSource, Timestamp};
use std::{path::Path, time::Duration};

const NAME: &str = "clock";

/// Made by the system's time service once it has set the clock.
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";

/// A store may be ahead by what keeping a time in advance takes.
const AHEAD: Duration = Duration::from_secs(5);

pub fn check(kept: Option<Timestamp>) -> Vec<Finding> {
    let now = SystemTime.wall();
    let mut findings = vec![plausible(now)];
    findings.extend(kept.map(|kept| against(now, kept)));
    if Path::new(SYNCHRONISED).exists() {
        findings.push(Finding::ok(NAME, "the system's time service has set it"));
    }
    findings
}

fn plausible(now: Timestamp) -> Finding {
    // The first day of 2025, in ns: this broker is younger.
    const EARLIEST: Timestamp = Timestamp(1_735_689_600_000_000_000);
    let shown = jiff::Timestamp::from_nanosecond(now.0.into());
    let shown = shown.map_or_else(|_| now.to_string(), |time| format!("{time:.0}"));
    if now < EARLIEST {
        let finding = format!("it says {shown}, which was before this broker was made");
        return Finding::bad(NAME, finding, "set it, and have a time service keep it");
    }
    Finding::ok(NAME, format!("it says {shown}"))
}

fn against(now: Timestamp, kept: Timestamp) -> Finding {
    let ahead =
        u64::try_from(kept.0.saturating_sub(now.0)).map_or(Duration::ZERO, Duration::from_nanos);
    if ahead <= AHEAD {
        return Finding::ok(NAME, "it is not behind what the store has seen");
    }
    Finding::warn(
        NAME,
        format!("it is {ahead:.0?} behind the latest time that the store has kept"),
        "set it if it is wrong: until it has caught up, the broker's time goes on at half speed, and \
         messages expire later than they should",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Level;

    #[test]
    fn a_clock_that_fell_behind_is_warned_of() {
        let now = SystemTime.wall();
        let later = |seconds: i64| Timestamp(now.0 + seconds * 1_000_000_000);
        assert_eq!(against(now, later(-60)).level, Level::Ok);
        assert_eq!(against(now, later(4)).level, Level::Ok);
        let behind = against(now, later(60));
        assert_eq!(behind.level, Level::Warn);
        assert!(behind.finding.contains("60s"), "{behind:?}");
        assert_eq!(against(now, Timestamp(i64::MIN)).level, Level::Ok);
    }

    #[test]
    fn a_clock_that_was_never_set_is_bad() {
        assert_eq!(plausible(Timestamp(0)).level, Level::Bad);
        assert_eq!(plausible(SystemTime.wall()).level, Level::Ok);
    }
}
