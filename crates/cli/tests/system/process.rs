//! A broker that runs, and ends with its handle.

use crate::{
    calls,
    launch::Launch,
    log::Log,
    waiting::{PATIENCE, until},
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    net::SocketAddr,
    process::{Child, ExitStatus},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tonic_health::pb::health_check_response::ServingStatus;

/// How long the last lines of a broker that ended are waited for.
const LAST_LINES: Duration = Duration::from_secs(1);

/// A running broker. Dropping it kills it, and fails the test if a line of its log was not as it must be.
pub struct Broker {
    child: Child,
    /// Ends with the log.
    reading: JoinHandle<()>,
    /// Where gRPC is served.
    pub address: SocketAddr,
    /// Where operators are answered.
    pub admin: SocketAddr,
    /// What it said.
    pub log: Log,
}

impl Broker {
    /// Starts a broker and waits until it serves.
    pub async fn start(launch: &Launch) -> Self {
        let broker = Self::start_listening(launch).await;
        broker.wait_for_health(ServingStatus::Serving, PATIENCE).await;
        broker
    }

    /// Starts a broker and waits until it listens.
    pub async fn start_listening(launch: &Launch) -> Self {
        match Self::try_start(launch).await {
            Ok(broker) => broker,
            Err((status, log)) => panic!("the broker ended at its start: {status}\n{}", log.tail()),
        }
    }

    /// Starts a broker and waits until it listens or ends.
    pub async fn try_start(launch: &Launch) -> Result<Self, (ExitStatus, Log)> {
        let mut child = launch.command().spawn().expect("the broker's binary starts");
        let log = Log::default();
        log.follow(child.stdout.take().expect("piped"));
        let reading = log.follow_broker(child.stderr.take().expect("piped"), launch.secrets());
        let nowhere = ([127, 0, 0, 1], 0).into();
        let mut broker = Self { child, reading, address: nowhere, admin: nowhere, log };
        let started = until(PATIENCE, "the broker says where it listens", async || {
            let told = |what| broker.log.find(|line| listening_line(line, what));
            if let Some(addresses) =
                told("gRPC server listening").zip(told("admin pages listening"))
            {
                return Some(Ok(addresses));
            }
            broker.child.try_wait().expect("a child can be asked").map(Err)
        });
        match started.await {
            Ok((address, admin)) => {
                (broker.address, broker.admin) = (address, admin);
                Ok(broker)
            }
            Err(status) => Err((status, broker.log.clone())),
        }
    }

    /// Waits until gRPC health says this.
    pub async fn wait_for_health(&self, wanted: ServingStatus, limit: Duration) {
        until(limit, &format!("health {wanted:?}"), async || {
            (calls::health(self.address).await == Some(wanted as i32)).then_some(())
        })
        .await;
    }

    /// The process that was started: the broker, or what wraps it.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// kill -9, and waits for the end.
    pub fn kill(&mut self) {
        self.child.kill().expect("it is ours to kill");
        self.child.wait().expect("a killed process ends");
    }

    /// Sends a signal to the started process.
    pub fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Waits for the end of the process.
    pub async fn ended(&mut self, limit: Duration) -> ExitStatus {
        let child = &mut self.child;
        until(limit, "the broker ends", async || child.try_wait().expect("a child can be asked"))
            .await
    }

    /// Its memory that is not backed by a file, in bytes.
    pub fn anonymous_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let line =
            status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux says it");
        let kibibytes = line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number");
        kibibytes * 1024
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the broker's log ends with\n{}\n---", self.log.tail());
            return;
        }
        // What wraps the broker may leave the pipe open behind it.
        let deadline = Instant::now() + LAST_LINES;
        while !self.reading.is_finished() && Instant::now() < deadline {
            thread::yield_now();
        }
        self.log.check();
    }
}

/// Sends a signal to a process that this test started.
pub fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("not zero");
    kill_process(pid, signal).expect("the process is there");
}

/// The address, if this is the line that tells that one.
fn listening_line(line: &str, what: &str) -> Option<SocketAddr> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let is_it = line["message"].as_str()?.starts_with(what);
    line["address"].as_str().filter(|_| is_it)?.parse().ok()
}
