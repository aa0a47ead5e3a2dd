//! A real Kubernetes of one node: API server, controllers, scheduler, kubelet, proxy, containerd and names, in
//! namespaces of its own. Nothing of it is seen outside; `Kubernetes` is the way in.
//!
//! `cluster.sh` says how it is kept apart, `node.sh` what runs inside.

mod access;

pub use access::Kubernetes;

use crate::waiting::{PATIENCE, until};
use std::{
    env, fs,
    ops::Deref,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Names the folder with the programs.
const VARIABLE: &str = "BROKER_KUBERNETES";

/// What lies in the folder of every cluster.
const FILES: [(&str, &str); 8] = [
    ("cluster.sh", include_str!("cluster.sh")),
    ("node.sh", include_str!("node.sh")),
    ("image.sh", include_str!("image.sh")),
    ("containerd.toml", include_str!("containerd.toml")),
    ("kubelet.yaml", include_str!("kubelet.yaml")),
    ("proxy.yaml", include_str!("proxy.yaml")),
    ("Corefile", include_str!("Corefile")),
    ("network/pods.conflist", include_str!("network.conflist")),
];

/// A cluster that runs, and ends with its handle.
pub struct Cluster {
    child: Child,
    /// Open as long as it is to run.
    input: Option<ChildStdin>,
    // After the processes that use it.
    folder: TempDir,
    kubernetes: Kubernetes,
}

impl Cluster {
    /// Starts one and waits until pods can be.
    pub async fn start() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let folder = TempDir::with_prefix("kubernetes-").expect("a temporary folder");
        let programs = programs();
        lay(folder.path(), &programs);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut command = Command::new("bash");
        command.arg(folder.path().join("cluster.sh")).arg(folder.path());
        command.arg(format!("broker-test-{}-{count}", std::process::id())).arg(&programs);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("bash starts");
        let input = child.stdin.take();
        let ready = folder.path().join("ready");
        let begun = until(PATIENCE * 2, async || match child.try_wait() {
            Ok(None) => fs::read_to_string(&ready).ok().map(Ok),
            ended => Some(Err(ended)),
        });
        let begun = begun.await;
        let Some(Ok(pid)) = begun else {
            panic!("no cluster: {begun:?}\n{}", logs(folder.path()));
        };
        let pid = pid.trim().parse().expect("the number of a process");
        let kubernetes = Kubernetes::new(folder.path().to_owned(), pid, programs);
        Self { child, input, folder, kubernetes }
    }

    /// What its programs said last.
    pub fn logs(&self) -> String {
        logs(self.folder.path())
    }
}

impl Deref for Cluster {
    type Target = Kubernetes;

    fn deref(&self) -> &Kubernetes {
        &self.kubernetes
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.input = None;
        let began = Instant::now();
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            if began.elapsed() > PATIENCE {
                // What is inside ends, too.
                let _ = self.child.kill();
                break;
            }
            thread::park_timeout(Duration::from_millis(20));
        }
    }
}

fn programs() -> PathBuf {
    let folder = env::var_os(VARIABLE).map(PathBuf::from);
    folder.unwrap_or_else(|| panic!("{VARIABLE} names no programs of Kubernetes"))
}

/// Writes what a cluster begins with.
fn lay(folder: &Path, programs: &Path) {
    fs::create_dir(folder.join("network")).expect("the folder is new");
    for (name, text) in FILES {
        fs::write(folder.join(name), text).expect("the folder can be written");
    }
    let pause = folder.join("pause");
    fs::create_dir(&pause).expect("the folder is new");
    fs::copy(programs.join("pause"), pause.join("pause")).expect("the program is there");
    image(folder, &pause, "test/pause:1", "/pause", &folder.join("pause.tar"));
}

/// Makes an image of a folder, as an archive.
fn image(cluster: &Path, folder: &Path, name: &str, entrypoint: &str, file: &Path) {
    let mut command = Command::new("bash");
    command.arg(cluster.join("image.sh")).arg(folder).args([name, entrypoint]).arg(file);
    let status = command.status().expect("bash starts");
    assert!(status.success(), "no image {name}");
}

/// The last lines of all its logs.
fn logs(folder: &Path) -> String {
    let mut text = String::new();
    for file in fs::read_dir(folder.join("log")).into_iter().flatten().flatten() {
        let log = fs::read(file.path()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(10)..];
        text = format!("{text}--- {}\n{}\n", file.file_name().display(), last.join("\n"));
    }
    text
}
