//! A small disk.

use std::{path::Path, process::Command};
use tempfile::TempDir;

/// A file system of its own in memory, as large as asked. Unmounted when dropped.
pub struct Tmpfs {
    folder: TempDir,
}

impl Tmpfs {
    /// Mounts one that everybody may write; needs root or sudo.
    pub fn mount(mebibytes: u32) -> Self {
        Self::mounted(&format!("size={mebibytes}m,mode=0777"))
    }

    /// Mounts one that is a user's own; needs root or sudo.
    pub fn mount_for(user: u32, mebibytes: u32) -> Self {
        Self::mounted(&format!("size={mebibytes}m,mode=0700,uid={user}"))
    }

    fn mounted(options: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let mut mount = privileged("mount");
        mount.args(["-t", "tmpfs", "-o", options, "none"]).arg(folder.path());
        let status = mount.status().expect("mount can be run");
        assert!(status.success(), "mounting a tmpfs needs root or sudo: {status}");
        Self { folder }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: the broker may not be reaped yet.
        let _ = privileged("umount").arg("--lazy").arg(self.folder.path()).status();
    }
}

/// A command that runs as root.
fn privileged(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut sudo = Command::new("sudo");
    sudo.args(["--non-interactive", program]);
    sudo
}
