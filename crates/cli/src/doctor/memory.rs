//! The memory that the process may have, against what its limits add up to.

use super::finding::Finding;
use crate::{
    settings::{Settings, StorageKind},
    table::size,
};
use broker_storage::StorageConfig;
use std::{fs, path::Path};

/// What the process takes beside messages: its connections, its caches, the allocator's own.
const BESIDE: u64 = 128 * 1024 * 1024;

/// Where control groups are.
const GROUPS: &str = "/sys/fs/cgroup";

pub fn check(settings: &Settings) -> Finding {
    let group = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limit = limit(Path::new(GROUPS), &group);
    let whole = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    judge(limit, whole, needed(settings))
}

fn needed(settings: &Settings) -> u64 {
    let (core, door) = (settings.limits(), settings.server().limits);
    let queues = [core.queued_bytes, core.tail_bytes, door.receiving_bytes, door.sending_bytes];
    let queues = queues.iter().fold(0_u64, |sum, bytes| sum.saturating_add(*bytes as u64));
    let stored = match (settings.kind(), settings.store()) {
        (StorageKind::Memory, StorageConfig::Memory(config)) => {
            (config.max_bytes as u64).saturating_add(config.max_subject_bytes as u64)
        }
        _ => 0,
    };
    queues.saturating_add(stored).saturating_add(BESIDE)
}

fn judge(limit: Option<u64>, whole: Option<u64>, needed: u64) -> Finding {
    let of = size(needed);
    let (what, least) = match (limit, whole) {
        (Some(limit), whole) if whole.is_none_or(|whole| limit < whole) => {
            (format!("its control group may have {}", size(limit)), limit)
        }
        (_, Some(whole)) => (format!("the machine has {}", size(whole)), whole),
        (_, None) => return Finding::ok("memory", format!("the limits add up to {of}")),
    };
    let finding = format!("{what}, and the limits add up to {of} at most");
    if least >= needed {
        return Finding::ok("memory", finding);
    }
    let advice = "give it more, or lower --max-queue-size, --max-tail-size, --max-receiving-size, \
                  --max-sending-size or, of the memory store, --max-store-size";
    Finding::bad("memory", finding, advice)
}

/// The lowest limit of the groups that a process is in; `None` where there is none or it cannot be read.
fn limit(root: &Path, groups: &str) -> Option<u64> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let mut folder = root.join(own);
    let mut lowest: Option<u64> = None;
    loop {
        let text = fs::read_to_string(folder.join("memory.max")).unwrap_or_default();
        let here = text.trim().parse().ok();
        lowest = lowest.into_iter().chain(here).min();
        if folder == root || !folder.pop() {
            return lowest;
        }
    }
}

fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Level;

    #[test]
    fn the_lowest_limit_on_the_way_up_counts() {
        let root = tempfile::tempdir().unwrap();
        let own = root.path().join("a/b");
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("memory.max"), "max\n").unwrap();
        let limit = || limit(root.path(), "1:name=x:/y\n0::/a/b\n");
        assert_eq!(limit(), None);
        fs::write(root.path().join("a/memory.max"), "1000\n").unwrap();
        assert_eq!(limit(), Some(1_000));
        fs::write(own.join("memory.max"), "2000\n").unwrap();
        assert_eq!(limit(), Some(1_000));
    }

    #[test]
    fn what_is_too_little_is_bad() {
        let machine = total("MemTotal:       16 kB\nMemFree: 1 kB\n");
        assert_eq!(machine, Some(16_384));
        assert_eq!(judge(None, machine, 16_384).level, Level::Ok);
        assert_eq!(judge(None, machine, 16_385).level, Level::Bad);
        let group = judge(Some(4_096), machine, 5_000);
        assert!(group.level == Level::Bad && group.finding.contains("group"), "{group:?}");
        assert_eq!(judge(None, None, 1).level, Level::Ok);
    }
}
