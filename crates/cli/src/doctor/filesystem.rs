//! What kind of file system a directory is on, and what it does to the promises.

use super::finding::Finding;
use std::path::Path;

const NAME: &str = "file system";

/// What is wrong with a kind, and what to do.
type Flaw = (&'static str, &'static str);

/// By the number that the kernel gives a kind: its name, and its flaw if it has one.
const KINDS: &[(i64, &str, Option<Flaw>)] = &[
    (0xef53, "ext4", None),
    (0x5846_5342, "xfs", None),
    (0x9123_683e, "btrfs", None),
    (0x2fc1_2fc1, "zfs", None),
    (0xf2f5_2010, "f2fs", None),
    (0x0102_1994, "tmpfs", Some(VOLATILE)),
    (0x8584_58f6, "ramfs", Some(VOLATILE)),
    (0x794c_7630, "overlay", Some(LAYERED)),
    (0x6969, "nfs", Some(REMOTE)),
    (0xff53_4d42, "cifs", Some(REMOTE)),
    (0xfe53_4d42, "smb", Some(REMOTE)),
    (0x6573_5546, "fuse", Some(REMOTE)),
];

const VOLATILE: Flaw =
    ("it is in memory: a restart of the machine loses every message", "use a disk");
const LAYERED: Flaw =
    ("it goes with its container, and every message with it", "mount a volume there");
const REMOTE: Flaw = (
    "whether a sync is one, and a lock is one, is up to its server",
    "use a disk of this machine, or a store over a database",
);

pub fn check(directory: &Path) -> Option<Finding> {
    let kind = rustix::fs::statfs(directory).ok()?.f_type;
    // The kernel's numbers have 32 bits; a sign that was extended is none of theirs.
    Some(judge((kind as i64) & 0xffff_ffff))
}

fn judge(kind: i64) -> Finding {
    match KINDS.iter().find(|(number, ..)| *number == kind) {
        Some((_, name, None)) => Finding::ok(NAME, *name),
        Some((_, name, Some((why, advice)))) => {
            Finding::warn(NAME, format!("{name}: {why}"), *advice)
        }
        None => Finding::ok(NAME, format!("of a kind that is not known here ({kind:#x})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Level;

    #[test]
    fn what_does_not_last_is_warned_of() {
        for (kind, level) in
            [(0xef53, Level::Ok), (0x0102_1994, Level::Warn), (0x6969, Level::Warn), (1, Level::Ok)]
        {
            assert_eq!(judge(kind).level, level, "{kind:#x}");
        }
        // This one exists wherever the tests run.
        assert!(check(Path::new("/proc")).is_some());
    }
}
