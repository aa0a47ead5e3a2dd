//! A broker's process, which can be stopped and killed, with a clock of its own.

use super::database::{Database, Line};
use crate::{DatabaseTimes, OpenError, OpenObserver, ownership::Lease};
use broker_core::{TimeSource, Timestamp};
use parking_lot::Mutex;
use std::{
    future,
    pin::pin,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{self, Instant},
};

pub const LEASE: Duration = Duration::from_secs(10);

/// Times with that lease; the rest as by default.
pub fn times(lease: Duration) -> DatabaseTimes {
    DatabaseTimes { lease, statement: lease / 2, ..DatabaseTimes::default() }
}

pub struct Process {
    pub line: Arc<Line>,
    pub heard: Arc<Heard>,
    lease: Arc<OnceLock<Lease>>,
    runs: watch::Sender<bool>,
    task: JoinHandle<Result<(), OpenError>>,
}

impl Process {
    pub fn start(database: &Arc<Database>, name: &str) -> Self {
        Self::with(database, name, times(LEASE), 0)
    }

    /// A process whose clock is that many parts of a thousand too fast.
    pub fn with(database: &Arc<Database>, name: &str, times: DatabaseTimes, fast: i32) -> Self {
        let line = Arc::new(Line::new(database.clone(), name, times.lease));
        let heard = Arc::new(Heard::default());
        let lease = Arc::new(OnceLock::new());
        let (runs, gate) = watch::channel(true);
        let life = {
            let (line, heard, slot) = (line.clone(), heard.clone(), lease.clone());
            let clock = Arc::new(OwnClock { start: Instant::now(), fast });
            async move {
                let (lease, keeper) = Lease::win(line, times, clock, &*heard).await?;
                let _ = slot.set(lease);
                keeper.await;
                Ok(())
            }
        };
        Self { line, heard, lease, runs, task: tokio::spawn(gated(gate, life)) }
    }

    /// As SIGSTOP and SIGCONT.
    pub fn set_running(&self, runs: bool) {
        self.runs.send_replace(runs);
    }

    pub fn kill(&self) {
        self.task.abort();
    }

    pub fn lease(&self) -> Option<&Lease> {
        self.lease.get()
    }

    /// It won the row, and nobody can have taken over by now.
    pub fn is_valid(&self) -> bool {
        self.lease().is_some_and(|lease| lease.tenure.is_valid())
    }

    /// Waits until it has won the row.
    pub async fn owns(&self) -> &Lease {
        until("it owns", || self.lease().is_some()).await;
        self.lease().expect("just seen")
    }

    /// Why it never became the owner.
    pub async fn gave_up(self) -> OpenError {
        self.task.await.expect("it is not killed").expect_err("it is not the owner")
    }
}

/// Lets simulated time pass: all that is to happen in it happens in its order.
pub async fn pass(span: Duration) {
    // Nothing is waited for that could come.
    let _ = time::timeout(span, future::pending::<()>()).await;
}

/// Waits in simulated time.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LEASE * 100, "never: {what}");
        time::advance(Duration::from_millis(1)).await;
    }
}

/// A future that is not polled while its gate is closed.
async fn gated<F: Future>(mut gate: watch::Receiver<bool>, inner: F) -> F::Output {
    let mut inner = pin!(inner);
    loop {
        let mut reopened = gate.clone();
        if reopened.wait_for(|runs| *runs).await.is_err() {
            future::pending::<()>().await;
        }
        tokio::select! {
            biased;
            Ok(_) = gate.wait_for(|runs| !*runs) => {}
            output = &mut inner => return output,
        }
    }
}

struct OwnClock {
    start: Instant,
    fast: i32,
}

impl TimeSource for OwnClock {
    fn wall(&self) -> Timestamp {
        unreachable!("a lease never looks at the wall clock")
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed().mul_f64(1.0 + f64::from(self.fast) / 1000.0)
    }
}

/// What a process told while it was opening its store.
#[derive(Default)]
pub struct Heard {
    owners: Mutex<Vec<String>>,
    away: Mutex<usize>,
}

impl Heard {
    pub fn owners(&self) -> Vec<String> {
        self.owners.lock().clone()
    }

    pub fn away(&self) -> usize {
        *self.away.lock()
    }
}

impl OpenObserver for Heard {
    fn reached(&self, _: &str) {}

    fn away(&self, _: &str) {
        *self.away.lock() += 1;
    }

    fn standing_by(&self, owner: &str) {
        self.owners.lock().push(owner.to_owned());
    }
}
