//! The way into a cluster: its programs, its images and its network.

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;
use std::{
    fs::{self, File},
    os::fd::AsFd,
    panic,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
};
use tokio::{io::AsyncWriteExt, process::Command, runtime::Runtime};

/// A cluster that runs, whoever started it.
#[derive(Debug, Clone)]
pub struct Kubernetes {
    folder: PathBuf,
    /// A process inside its namespaces.
    pid: u32,
    programs: PathBuf,
}

impl Kubernetes {
    pub(super) fn new(folder: PathBuf, pid: u32, programs: PathBuf) -> Self {
        Self { folder, pid, programs }
    }

    /// The one that keeps its files in that folder.
    pub fn of(folder: PathBuf) -> Self {
        let ready = fs::read_to_string(folder.join("ready"));
        let pid = ready.ok().and_then(|pid| pid.trim().parse().ok());
        let pid = pid.unwrap_or_else(|| panic!("no cluster runs in {}", folder.display()));
        Self::new(folder, pid, super::programs())
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What kubectl answers.
    ///
    /// # Errors
    /// What it says against it.
    pub async fn ask(&self, arguments: &[&str]) -> Result<String, String> {
        self.tell(arguments, "").await.map(|(answer, _)| answer)
    }

    /// What kubectl answers, which must succeed.
    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        let answer = self.ask(arguments).await;
        answer.unwrap_or_else(|error| panic!("kubectl {}: {error}", arguments.join(" ")))
    }

    /// Objects, as kubectl reads them.
    pub async fn get(&self, arguments: &[&str]) -> Value {
        let text = self.kubectl(&[&["get", "--output", "json"], arguments].concat()).await;
        serde_json::from_str(&text).expect("kubectl writes JSON")
    }

    /// What kubectl answers to an input, and what it warns of.
    ///
    /// # Errors
    /// What it says against it.
    pub async fn tell(&self, arguments: &[&str], input: &str) -> Result<(String, String), String> {
        let mut command = Command::new("nsenter");
        command.arg("--target").arg(self.pid.to_string()).arg("--net").arg("--");
        command.arg(self.programs.join("kubectl"));
        command.arg("--kubeconfig").arg(self.folder.join("admin.conf")).args(arguments);
        answer(command, input).await
    }

    /// Brings in the images of an archive.
    pub async fn import(&self, archive: &Path) {
        let mut command = Command::new("ctr");
        command.arg("--address").arg(self.folder.join("run/containerd.sock"));
        command.args(["--namespace", "k8s.io", "images", "import"]).arg(archive);
        let done = answer(command, "").await;
        done.unwrap_or_else(|error| panic!("{}: {error}", archive.display()));
    }

    /// Runs something in the cluster's network: what it connects to are addresses of pods and services.
    pub fn inside<F: Future>(&self, make: impl FnOnce() -> F + Send) -> F::Output
    where
        F::Output: Send,
    {
        let network = File::open(format!("/proc/{}/ns/net", self.pid)).expect("it runs");
        let run = move || {
            let moved =
                move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network));
            moved.expect("root may enter a network");
            // Its threads are in the network of the one that starts them.
            Runtime::new().expect("a runtime").block_on(make())
        };
        let done = thread::scope(|scope| scope.spawn(run).join());
        done.unwrap_or_else(|panicked| panic::resume_unwind(panicked))
    }
}

/// Runs a command; what it writes, and what it complains of.
async fn answer(mut command: Command, input: &str) -> Result<(String, String), String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
    let mut stdin = child.stdin.take().expect("piped");
    let text = input.to_owned();
    tokio::spawn(async move {
        // Who fails may read nothing.
        let _ = stdin.write_all(text.as_bytes()).await;
    });
    let output = child.wait_with_output().await.map_err(|error| error.to_string())?;
    let [said, complained] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if output.status.success() { Ok((said, complained)) } else { Err(complained) }
}
