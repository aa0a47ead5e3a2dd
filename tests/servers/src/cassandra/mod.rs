//! Apache Cassandra, from the class path that `cargo xtask test` makes.

mod cluster;
mod frame;
mod java;
mod node;

pub use cluster::Cluster;
pub use frame::run;
pub use node::CommitLog;

use crate::{
    Certificate, ports,
    process::Process,
    waiting::{PATIENCE, until},
};
use node::Node;
use rustix::process::Signal;
use std::{
    net::{Ipv4Addr, SocketAddr},
    process::ExitStatus,
};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Nodes of a program's own that run at once, but for those of a cluster. Starting takes all of a small
/// machine for seconds: several would starve each other, and what else is tested.
static NODES: Semaphore = Semaphore::const_new(1);

/// How a Cassandra is to be set.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    is_old: bool,
    commit_log: CommitLog,
    asks_password: bool,
    certificate: Option<Certificate>,
    heap: Option<u32>,
    is_forgetful: bool,
    settings: String,
    clock_ahead: i64,
}

impl Setup {
    /// The oldest version that the broker works with, instead of the newest.
    #[must_use]
    pub fn old(mut self) -> Self {
        self.is_old = true;
        self
    }

    /// When it answers a write.
    #[must_use]
    pub fn commit_log(mut self, commit_log: CommitLog) -> Self {
        self.commit_log = commit_log;
        self
    }

    /// It asks for a password. There is one user, `cassandra` with the password `cassandra`.
    #[must_use]
    pub fn password(mut self) -> Self {
        self.asks_password = true;
        self
    }

    /// It takes connections with TLS only, and shows this certificate.
    #[must_use]
    pub fn tls(mut self, certificate: &Certificate) -> Self {
        self.certificate = Some(certificate.clone());
        self
    }

    /// Its heap in MiB; 256 without this.
    #[must_use]
    pub fn heap(mut self, mebibytes: u32) -> Self {
        self.heap = Some(mebibytes);
        self
    }

    /// It makes and drops tables much quicker, and forgets them when it is killed.
    #[must_use]
    pub fn forgetful(mut self) -> Self {
        self.is_forgetful = true;
        self
    }

    /// One more line of its configuration file, as `name: value`.
    #[must_use]
    pub fn setting(mut self, line: &str) -> Self {
        self.settings += line;
        self.settings.push('\n');
        self
    }

    /// Its clock is so many seconds ahead (behind, if negative).
    #[must_use]
    pub fn clock_ahead(mut self, seconds: i64) -> Self {
        self.clock_ahead = seconds;
        self
    }

    /// Makes it and starts it, when no other one of this program runs.
    pub async fn start(self) -> Cassandra {
        let address = Ipv4Addr::LOCALHOST;
        let (storage, cql) = (ports::free_on_loopback(), ports::free_on_loopback());
        let node = Node::new(self, address, storage, cql, &[address], None);
        let turn = NODES.acquire().await.expect("it is never closed");
        let mut cassandra = Cassandra { process: None, node, _turn: Some(turn) };
        cassandra.restart().await;
        cassandra
    }
}

/// A Cassandra node on a port of an address of loopback.
pub struct Cassandra {
    // Before the node's folder: it ends first.
    process: Option<Process>,
    node: Node,
    _turn: Option<SemaphorePermit<'static>>,
}

impl Cassandra {
    /// One that trusts everybody, without TLS, and answers a write when it is in the file.
    pub async fn start() -> Self {
        Self::setup().start().await
    }

    /// One that is set in some way.
    pub fn setup() -> Setup {
        Setup::default()
    }

    /// Where it listens for CQL.
    pub fn address(&self) -> SocketAddr {
        self.node.address()
    }

    /// Starts it, again if it was ended, on the same ports over the same data, and waits until it answers.
    pub async fn restart(&mut self) {
        assert!(self.process.is_none(), "Cassandra runs");
        let process = self.process.insert(self.node.spawn());
        let node = &self.node;
        process.until_up(async || node.answers().await).await;
    }

    /// As [`Self::restart`], with a clock that is so many seconds ahead from now on.
    pub async fn restart_ahead(&mut self, seconds: i64) {
        self.node.set_clock(seconds);
        self.restart().await;
    }

    /// Bytes of the files of a table.
    pub fn table_bytes(&self, keyspace: &str, table: &str) -> u64 {
        self.node.table_bytes(keyspace, table)
    }

    /// kill -9; it is gone when this returns.
    pub fn kill(&mut self) {
        self.running().kill();
        self.process = None;
    }

    /// Ends it as for a restart.
    pub async fn stop(&mut self) -> ExitStatus {
        let status = self.running().end_by(Signal::TERM).await;
        self.process = None;
        status
    }

    /// SIGSTOP: connections stay and nothing is answered.
    pub fn pause(&mut self) {
        self.running().signal(Signal::STOP);
    }

    /// Ends a pause.
    pub fn resume(&mut self) {
        self.running().signal(Signal::CONT);
    }

    /// Runs a statement, without TLS.
    ///
    /// # Errors
    /// What the server says against it.
    pub async fn cql(&self, statement: &str) -> Result<(), String> {
        run(self.address(), statement).await
    }

    /// Runs a statement again and again until it succeeds: another node may not have told what it needs.
    pub async fn until_cql(&self, statement: &str) {
        let runs = async || self.cql(statement).await.ok();
        let done = until(PATIENCE, runs).await;
        done.unwrap_or_else(|| panic!("{statement} does not succeed in time"));
    }

    /// Waits until it knows so many other nodes.
    async fn until_knows(&self, others: usize) {
        let knows = async || {
            let known = frame::count(self.address(), "system.peers").await;
            (known == Ok(others as i64)).then_some(())
        };
        let done = until(PATIENCE, knows).await;
        done.unwrap_or_else(|| panic!("the node does not know {others} others in time"));
    }

    /// What it logged last.
    pub fn log_tail(&mut self) -> String {
        self.running().tail()
    }

    fn running(&mut self) -> &mut Process {
        self.process.as_mut().expect("Cassandra runs")
    }
}
