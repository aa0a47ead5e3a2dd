//! The disk of the local store: how much is free, and how long it takes to make something safe.

use super::{directory::existing, finding::Finding, syncs};
use crate::{settings::Settings, table::size};
use broker_storage::{LocalConfig, StorageConfig};
use rustix::fs::statvfs;
use std::{io, path::Path};

/// Segments that should find room beyond the reserve: the one that is written, and those it is swept into.
const SEGMENTS: u64 = 4;

pub fn check(settings: &Settings) -> Vec<Finding> {
    let StorageConfig::Local(config) = settings.store() else { return Vec::new() };
    let folder = existing(&config.directory);
    let space = match space(&folder) {
        Ok((free, whole)) => {
            let reserve = config.reserve_bytes.unwrap_or(LocalConfig::default_reserve(whole));
            judge(free, reserve, config.segment_bytes)
        }
        Err(error) => Finding::bad(
            "disk space",
            format!("{} cannot be asked: {error}", folder.display()),
            "see whether the disk is there",
        ),
    };
    vec![space, syncs::check(&folder)]
}

/// Bytes that are free, and all.
fn space(folder: &Path) -> io::Result<(u64, u64)> {
    let stat = statvfs(folder)?;
    Ok((stat.f_bavail * stat.f_frsize, stat.f_blocks * stat.f_frsize))
}

fn judge(free: u64, reserve: u64, segment: u64) -> Finding {
    let finding = format!("{} are free, {} of them a reserve", size(free), size(reserve));
    if free <= reserve {
        let advice =
            "make room: until then messages that are to be stored are refused with OVERLOADED";
        return Finding::bad("disk space", finding, advice);
    }
    if free - reserve < segment.saturating_mul(SEGMENTS) {
        let advice = format!("make room: {SEGMENTS} segments of {} should have it", size(segment));
        return Finding::warn("disk space", finding, advice);
    }
    Finding::ok("disk space", finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Level;

    #[test]
    fn the_reserve_is_no_room() {
        for (free, level) in
            [(100, Level::Bad), (101, Level::Warn), (139, Level::Warn), (140, Level::Ok)]
        {
            assert_eq!(judge(free, 100, 10).level, level, "{free}");
        }
    }
}
