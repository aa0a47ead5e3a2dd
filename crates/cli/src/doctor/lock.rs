//! Who has the local store open.
//!
//! The kernel's list is read: trying the lock would keep a broker from starting for a moment.

use super::finding::Finding;
use rustix::fs::{major, minor};
use std::{fs, os::unix::fs::MetadataExt, path::Path};

/// None if there is no lock to be held, or nobody holds it.
pub fn check(directory: &Path) -> Option<Finding> {
    let metadata = fs::metadata(directory.join("lock")).ok()?;
    let device = metadata.dev();
    let file = format!("{:02x}:{:02x}:{}", major(device), minor(device), metadata.ino());
    let process = holder(&fs::read_to_string("/proc/locks").ok()?, &file)?;
    let shown = directory.display();
    Some(Finding::ok("data-dir", format!("process {process} has the store in {shown} open")))
}

/// The process that holds a lock on that file.
fn holder(locks: &str, file: &str) -> Option<String> {
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        // A line that begins with an arrow waits for one; nobody does that here.
        match words[..] {
            [_, "FLOCK", _, "WRITE", process, locked, ..] if locked == file => {
                Some(process.to_owned())
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn a_lock_that_is_held_is_found_and_one_that_is_not_is_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(check(folder.path()), None);
        let lock = File::create(folder.path().join("lock")).unwrap();
        assert_eq!(check(folder.path()), None);
        lock.lock().unwrap();
        let finding = check(folder.path()).unwrap().finding;
        assert!(finding.contains(&format!("process {} ", std::process::id())), "{finding}");
    }
}
