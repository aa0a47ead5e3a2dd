//! The engine.

use super::{groups, network::Network};
use crate::process::Process;
use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};
use tempfile::TempDir;

/// Debian's client: another one may come first in PATH.
const CLIENT: &str = "/usr/bin/docker";

/// What nothing of the machine is changed by: its `/run` and `/etc/docker` stay unseen, and what is mounted goes with
/// the last process.
const BEGIN: &str = "mount -t tmpfs none /run && { [ ! -d /etc/docker ] || mount -t tmpfs none /etc/docker; } \
                     && { ip link set lo up || true; } && exec \"$@\"";

/// A Docker engine, with process, mount and perhaps network namespaces of its own. All of it, containers too, ends
/// with this.
pub struct Engine {
    // Before the folder: it ends first.
    process: Option<Process>,
    folder: TempDir,
    group: String,
}

impl Engine {
    /// Starts one whose containers use the network of the machine (`--network=host`) or none.
    pub async fn on_the_network_of_the_machine() -> Self {
        Self::start(&[], &["--bridge=none", "--iptables=false", "--ip-forward=false"]).await
    }

    /// Starts one that can make networks: all of them are inside of one that nobody else sees, reached by
    /// [`Self::network`].
    pub async fn with_a_network_of_its_own() -> Self {
        Self::start(&["--net"], &[]).await
    }

    async fn start(namespaces: &[&str], flags: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let group = format!("broker-test-{}-{number}", std::process::id());
        let folder = TempDir::with_prefix("docker-").expect("a temporary folder");
        let inside = |name: &str| folder.path().join(name);
        // It ends, too, if the test is killed.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "unshare"]);
        command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        command.args(namespaces).args(["sh", "-c", BEGIN, "sh", "dockerd"]).args(flags);
        let option = |name: &str, value: PathBuf| format!("--{name}={}", value.display());
        command.arg(option("data-root", inside("data"))).arg(option("exec-root", inside("exec")));
        command.arg(option("pidfile", inside("pid"))).arg(format!("--cgroup-parent=/{group}"));
        command.arg(format!("--host=unix://{}", inside("socket").display()));
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let process = Process::spawn("dockerd", &mut command, &inside("log"));
        let mut engine = Self { process: Some(process), folder, group };
        engine.until_up().await;
        engine
    }

    async fn until_up(&mut self) {
        let mut process = self.process.take().expect("it was just started");
        process.until_up(async || self.try_docker(["version"]).is_ok()).await;
        self.process = Some(process);
    }

    /// What the client answers to these words.
    pub fn docker(&self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
        self.try_docker(words).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What the client answers to these words, or with what it complained.
    ///
    /// # Errors
    /// The command and its complaint.
    pub fn try_docker(
        &self,
        words: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<String, String> {
        answer(self.command(CLIENT).args(words))
    }

    /// All that a container wrote.
    pub fn log(&self, container: &str) -> String {
        let output = self.command(CLIENT).args(["logs", container]).output();
        let output = output.unwrap_or_else(|error| panic!("{CLIENT}: {error}"));
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// A program that speaks to this engine and reads nothing.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("DOCKER_HOST", format!("unix://{}", self.folder.path().join("socket").display()));
        command.env("DOCKER_CONFIG", self.folder.path()).env_remove("DOCKER_CONTEXT");
        command.stdin(Stdio::null());
        command
    }

    /// Makes the image in this file known; its name.
    pub fn load(&self, file: &Path) -> String {
        let said = self.docker([OsStr::new("load"), OsStr::new("--input"), file.as_os_str()]);
        let name = said.lines().find_map(|line| line.strip_prefix("Loaded image: "));
        name.unwrap_or_else(|| panic!("{}: {said}", file.display())).to_owned()
    }

    /// The network in which its containers are.
    pub fn network(&self) -> Network {
        Network::of(self.process.as_ref().expect("it runs").pid())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.process = None;
        groups::remove(&self.group);
    }
}

/// The standard output of a command that succeeds.
fn answer(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {}\n{said}\n{complaint}", output.status))
}
