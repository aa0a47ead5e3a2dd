//! How many files may be open, against how many connections may be.

use super::finding::Finding;
use crate::settings::{Settings, StorageKind};
use rustix::process::{Resource, getrlimit};

/// What the process has open beside connections: its own, those of the admin port, and some room.
const OTHERS: u64 = 128;

/// Files that the local store holds open.
const FILES: u64 = 256;

pub fn check(settings: &Settings) -> Finding {
    // None: there is no limit.
    judge(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX), needed(settings))
}

fn needed(settings: &Settings) -> u64 {
    let files = if settings.kind() == StorageKind::Local { FILES } else { 0 };
    let connections = u64::try_from(settings.server().limits.connections).unwrap_or(u64::MAX);
    connections.saturating_add(files + OTHERS)
}

fn judge(limit: u64, needed: u64) -> Finding {
    let finding = format!("{limit} may be open, and up to {needed} are with all connections");
    if limit >= needed {
        return Finding::ok("open files", finding);
    }
    let advice = format!(
        "raise the limit to {needed} (`ulimit -n`, or LimitNOFILE= of the service), or lower \
         --max-connections"
    );
    Finding::bad("open files", finding, advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Level;

    #[test]
    fn as_many_as_needed_are_enough() {
        assert_eq!(judge(4_480, 4_480).level, Level::Ok);
        assert_eq!(judge(u64::MAX, 4_480).level, Level::Ok);
        let low = judge(1_024, 4_480);
        assert_eq!(low.level, Level::Bad);
        assert!(low.advice.unwrap().contains("4480"), "{}", low.finding);
    }
}
