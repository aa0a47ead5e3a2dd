//! A server's process and those that it started.

use crate::waiting::{PATIENCE, until};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A server that runs. Dropping it kills it, and what it started.
pub(crate) struct Process {
    child: Child,
    name: &'static str,
    log: PathBuf,
}

impl Process {
    /// Starts a command that writes its log there.
    pub(crate) fn spawn(name: &'static str, command: &mut Command, log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log);
        let file = file.unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let second = file.try_clone().expect("a file can be written twice");
        command.stdin(Stdio::null()).stdout(file).stderr(second);
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| panic!("{name}: {command:?}: {error}"));
        Self { child, name, log: log.to_owned() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked")
    }

    /// Waits until it answers.
    pub(crate) async fn until_up(&mut self, mut answers: impl AsyncFnMut() -> bool) {
        let state = until(PATIENCE, async || match self.ended() {
            Some(status) => Some(Err(status)),
            None => answers().await.then_some(Ok(())),
        });
        match state.await {
            Some(Ok(())) => {}
            Some(Err(status)) => {
                panic!("{} ended at its start: {status}\n{}", self.name, self.tail())
            }
            None => panic!("{} did not answer in time\n{}", self.name, self.tail()),
        }
    }

    /// Sends a signal and waits for the end.
    pub(crate) async fn end_by(&mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        let status = until(PATIENCE, async || self.ended()).await;
        status.unwrap_or_else(|| panic!("{} did not end in time\n{}", self.name, self.tail()))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Sends a signal that nobody can ignore to it and to what it started: to it first, so that it
    /// starts no more.
    pub(crate) fn signal_all(&self, signal: Signal) {
        self.signal(signal);
        for pid in started_by(self.pid()) {
            send(pid, signal);
        }
    }

    /// kill -9 for it and what it started; they are gone afterwards.
    pub(crate) fn kill(&mut self) {
        if self.ended().is_some() {
            return;
        }
        // Stopped, it starts no more while its children are counted.
        self.signal(Signal::STOP);
        let children = started_by(self.pid());
        self.child.kill().expect("it is ours to kill");
        children.iter().for_each(|pid| send(*pid, Signal::KILL));
        self.child.wait().expect("a killed process ends");
        let began = Instant::now();
        while children.iter().any(|pid| is_there(*pid)) {
            assert!(began.elapsed() < PATIENCE, "{}: killed processes end", self.name);
            thread::park_timeout(Duration::from_millis(2));
        }
    }

    /// The last lines of its log.
    pub(crate) fn tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A process that is gone already needs no signal.
fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("not zero");
    match kill_process(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => panic!("{signal:?} to {pid:?}: {error}"),
    }
}

/// The children of a process.
fn started_by(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("Linux has it");
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| stat(*pid).is_ok_and(|(_, its_parent)| its_parent == parent))
        .collect()
}

/// Whether it lives; one that ended and that nobody asked about does not.
fn is_there(pid: u32) -> bool {
    stat(pid).is_ok_and(|(state, _)| state != 'Z')
}

/// State and parent of a process.
fn stat(pid: u32) -> io::Result<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // After the name, which may hold anything but ends with the last bracket.
    let mut words = text.rsplit(") ").next().unwrap_or_default().split(' ');
    let state = words.next().and_then(|word| word.chars().next());
    let parent = words.next().and_then(|word| word.parse().ok());
    state.zip(parent).ok_or_else(|| io::ErrorKind::InvalidData.into())
}
