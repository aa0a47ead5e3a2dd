//! The row in a database that is away when told to, behind lines that lose or hold back what they carry.

use super::process::pass;
use crate::ownership::{BoxFuture, OwnerRow, RowError, Seen};
use parking_lot::Mutex;
use std::{future, sync::Arc, time::Duration};
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

/// The database.
pub struct Database {
    state: Mutex<State>,
}

struct State {
    row: Seen,
    is_up: bool,
    taken: Vec<Taken>,
}

/// A change of owner.
#[derive(Debug, Clone)]
pub struct Taken {
    pub from: Seen,
    pub at: Instant,
}

impl Database {
    pub fn new() -> Arc<Self> {
        Self::with(Seen {
            epoch: 0,
            beat: 0,
            is_free: true,
            lease: Duration::ZERO,
            owner: String::new(),
        })
    }

    pub fn with(row: Seen) -> Arc<Self> {
        let state = State { row, is_up: true, taken: Vec::new() };
        Arc::new(Self { state: Mutex::new(state) })
    }

    pub fn row(&self) -> Seen {
        self.state.lock().row.clone()
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.state.lock().taken.clone()
    }

    /// Whether it answers; otherwise calls are refused at once.
    pub fn set_up(&self, is_up: bool) {
        self.state.lock().is_up = is_up;
    }
}

impl State {
    fn take(&mut self, seen: &Seen, by: &str, lease: Duration) -> Option<i64> {
        let row = &mut self.row;
        if (row.epoch, row.beat) != (seen.epoch, seen.beat) {
            return None;
        }
        let from = row.clone();
        row.epoch += 1;
        row.is_free = false;
        row.lease = lease;
        by.clone_into(&mut row.owner);
        self.taken.push(Taken { from, at: Instant::now() });
        Some(self.row.epoch)
    }

    fn renew(&mut self, epoch: i64) -> bool {
        let is_current = self.row.epoch == epoch;
        if is_current {
            self.row.beat = self.row.beat.wrapping_add(1);
        }
        is_current
    }

    fn release(&mut self, epoch: i64) {
        self.row.is_free |= self.row.epoch == epoch;
    }
}

/// What becomes of what a line carries in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Open,
    /// What begins its way now never arrives.
    Loses,
    /// What begins its way now arrives when the way is another.
    Holds,
}

/// A process's line to the database.
pub struct Line {
    database: Arc<Database>,
    name: String,
    lease: Duration,
    pub delay: watch::Sender<Duration>,
    pub requests: watch::Sender<Way>,
    pub answers: watch::Sender<Way>,
}

impl Line {
    pub fn new(database: Arc<Database>, name: &str, lease: Duration) -> Self {
        Self {
            database,
            name: name.to_owned(),
            lease,
            delay: watch::Sender::new(Duration::ZERO),
            requests: watch::Sender::new(Way::Open),
            answers: watch::Sender::new(Way::Open),
        }
    }

    /// What was sent goes its way even if its sender is stopped, gave it up or is dead.
    fn call<T: Send + 'static>(
        &self,
        apply: impl FnOnce(&mut State) -> T + Send + 'static,
    ) -> BoxFuture<'static, Result<T, RowError>> {
        let (tell, answer) = oneshot::channel();
        let delay = *self.delay.borrow();
        let (requests, answers) = (self.requests.subscribe(), self.answers.subscribe());
        let database = self.database.clone();
        tokio::spawn(async move {
            carry(requests, delay).await;
            let said = {
                let mut state = database.state.lock();
                let is_up = state.is_up;
                is_up.then(|| apply(&mut state)).ok_or_else(|| RowError::Away("refused".into()))
            };
            carry(answers, delay).await;
            // Nobody may be waiting any more.
            let _ = tell.send(said);
        });
        Box::pin(async move { answer.await.expect("the runtime lives as long as its tests") })
    }
}

async fn carry(mut way: watch::Receiver<Way>, delay: Duration) {
    let now = *way.borrow_and_update();
    match now {
        Way::Open => {}
        Way::Loses => future::pending().await,
        Way::Holds => {
            // A line that is gone lets go of what it held.
            let _ = way.wait_for(|way| *way != Way::Holds).await;
        }
    }
    if !delay.is_zero() {
        pass(delay).await;
    }
}

impl OwnerRow for Line {
    fn look(&self) -> BoxFuture<'static, Result<Seen, RowError>> {
        self.call(|state| state.row.clone())
    }

    fn take(&self, seen: Seen) -> BoxFuture<'static, Result<Option<i64>, RowError>> {
        let (name, lease) = (self.name.clone(), self.lease);
        self.call(move |state| state.take(&seen, &name, lease))
    }

    fn renew(&self, epoch: i64) -> BoxFuture<'static, Result<bool, RowError>> {
        self.call(move |state| state.renew(epoch))
    }

    fn release(&self, epoch: i64) -> BoxFuture<'static, Result<(), RowError>> {
        self.call(move |state| state.release(epoch))
    }
}
