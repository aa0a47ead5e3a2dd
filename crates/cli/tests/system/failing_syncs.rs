//! A process whose disk fails to sync.

use crate::waiting::{PATIENCE, until};
use std::{
    fs,
    process::{Child, Command, Stdio},
};

/// The calls that make a disk safe, as strace names them.
pub const SYNCS: &str = "fsync,fdatasync,sync_file_range,msync";

/// A process whose syncs all fail with EIO as long as this lives.
pub struct FailingSyncs(Child);

impl FailingSyncs {
    /// From now on they fail.
    pub async fn attach(pid: u32) -> Self {
        let inject = format!("inject={SYNCS}:error=EIO");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &inject, "-p", &pid.to_string()]);
        let child = strace.stdin(Stdio::null()).spawn().expect("strace is installed");
        let attached = Self(child);
        until(PATIENCE, "strace holds every thread", async || traced(pid).then_some(())).await;
        attached
    }
}

impl Drop for FailingSyncs {
    fn drop(&mut self) {
        // The traced process goes on without it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether every thread of a process has a tracer.
fn traced(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    threads.flatten().all(|thread| {
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        !status.lines().any(|line| line == "TracerPid:\t0")
    })
}
