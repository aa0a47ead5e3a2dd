//! Control groups that an engine made.

use crate::waiting::PATIENCE;
use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// Where the kernel shows them: one hierarchy in version 2, one for each controller in version 1.
const HIERARCHIES: &str = "/sys/fs/cgroup";

/// Removes the groups of this name with all inside, whose processes are about to be gone.
pub fn remove(name: &str) {
    let root = Path::new(HIERARCHIES);
    let entries = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    let groups: Vec<PathBuf> = entries.map(|it| it.join(name)).chain([root.join(name)]).collect();
    let began = Instant::now();
    while groups.iter().any(|group| group.exists() && remove_tree(group).is_err()) {
        assert!(began.elapsed() < PATIENCE, "the control groups {name} are empty");
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// Their files can't be removed; they go with their group.
fn remove_tree(group: &Path) -> io::Result<()> {
    for entry in fs::read_dir(group)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(group)
}
