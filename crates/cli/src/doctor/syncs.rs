//! How long the disk takes to make a write safe, which is what a lone publisher waits for.

use super::finding::Finding;
use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    time::{Duration, Instant},
};

/// Writes that are made safe, and the time after which no further one is begun.
const SYNCS: usize = 8;
const LIMIT: Duration = Duration::from_secs(2);

/// Bytes of each.
const BYTES: usize = 4096;

/// Longer than a disk takes that is fit for a queue.
const SLOW: Duration = Duration::from_millis(20);

/// Measures in that directory, with a file that has no name and is gone with this call.
pub fn check(folder: &Path) -> Finding {
    match tempfile::tempfile_in(folder).and_then(measure) {
        Ok(times) => judge(&times),
        Err(error) => Finding::bad(
            "disk syncs",
            format!("nothing can be written and synced in {}: {error}", folder.display()),
            "see whether the disk is whole, and whether the broker's user may write there",
        ),
    }
}

fn measure(mut file: File) -> io::Result<Vec<Duration>> {
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.len() < SYNCS && begun.elapsed() < LIMIT {
        file.write_all(&[0; BYTES])?;
        let syncing = Instant::now();
        file.sync_data()?;
        times.push(syncing.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}

/// From times in order.
fn judge(times: &[Duration]) -> Finding {
    let (middle, last) = (times.len() / 2, times.len().saturating_sub(1));
    let (Some(median), Some(worst)) = (times.get(middle), times.get(last)) else {
        return Finding::ok("disk syncs", "none was measured");
    };
    let finding = format!("{median:.1?} in the middle of {}, {worst:.1?} at worst", times.len());
    if *median < SLOW {
        return Finding::ok("disk syncs", finding);
    }
    let advice = "a publisher that waits for each message waits that long: use a faster disk";
    Finding::warn("disk syncs", finding, advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Level;

    #[test]
    fn a_disk_is_measured_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let finding = check(folder.path());
        assert_ne!(finding.level, Level::Bad, "{finding:?}");
        assert!(finding.finding.contains("in the middle of"), "{finding:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(check(&folder.path().join("missing")).level, Level::Bad);
    }

    #[test]
    fn the_middle_counts() {
        let times = |slow: usize| [vec![SLOW / 10; 8 - slow], vec![SLOW * 2; slow]].concat();
        assert_eq!(judge(&times(3)).level, Level::Ok);
        assert_eq!(judge(&times(5)).level, Level::Warn);
        assert_eq!(judge(&[]).level, Level::Ok);
    }
}
