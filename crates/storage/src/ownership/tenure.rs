//! What a process knows of its own lease.

use super::{RowError, pace::Pace};
use broker_core::TimeSource;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

/// One epoch of one owner: shared by the handles and the keeper.
pub(super) struct Tenure {
    pub epoch: i64,
    pub pace: Pace,
    clock: Arc<dyn TimeSource>,
    /// Nanoseconds of the clock until which nobody can have taken over.
    deadline: AtomicU64,
    /// Nanoseconds of the clock until which the failure of the last try still tells that the database
    /// is away.
    away_until: AtomicU64,
    /// Fenced or given back. Apart from the deadline, which an answer that was under way may still move.
    is_over: AtomicBool,
    news: watch::Sender<News>,
    /// Somebody waits for a renewal.
    asked: Notify,
}

/// What the handles wait for.
#[derive(Debug, Clone)]
pub(super) struct News {
    /// Renewals begun and ended so far.
    pub begun: u64,
    pub ended: u64,
    /// When the last one ended, or the epoch began.
    pub heard: Instant,
    /// Why the last one failed.
    pub failure: Option<String>,
    pub end: Option<End>,
}

/// How an epoch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// Another broker owns the store; how that was found out.
    Fenced(String),
    /// Given back.
    Released,
}

impl Tenure {
    /// An epoch that was taken by a call begun at `begun`.
    pub fn new(epoch: i64, begun: Duration, pace: Pace, clock: Arc<dyn TimeSource>) -> Self {
        Self {
            epoch,
            pace,
            clock,
            deadline: AtomicU64::new(nanos(begun + pace.valid)),
            away_until: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            news: watch::Sender::new(News::of_an_epoch_that_begins()),
            asked: Notify::new(),
        }
    }

    pub fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    /// Nobody can have taken over before this moment.
    pub fn is_valid(&self) -> bool {
        !self.is_over() && nanos(self.now()) < self.deadline.load(Ordering::Acquire)
    }

    /// [`Self::is_valid`], or the database is away. Asks for a renewal where it cannot be sure.
    pub fn is_owner(&self) -> bool {
        if self.is_over() {
            return false;
        }
        let now = nanos(self.now());
        if now < self.deadline.load(Ordering::Acquire) {
            return true;
        }
        self.ask();
        now < self.away_until.load(Ordering::Acquire)
    }

    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// When a renewal ended last, and why it failed if it did.
    pub fn last_word(&self) -> (Instant, Option<String>) {
        let news = self.news.borrow();
        (news.heard, news.failure.clone())
    }

    pub fn news(&self) -> watch::Receiver<News> {
        self.news.subscribe()
    }

    /// Wakes the keeper.
    pub fn ask(&self) {
        self.asked.notify_one();
    }

    /// Done once somebody asked for a renewal since the last time.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Ends the epoch, unless it has ended: the first reason stands. Whether this was the end of it.
    pub fn finish(&self, end: End) -> bool {
        self.is_over.store(true, Ordering::Release);
        self.news.send_if_modified(|news| {
            let is_first = news.end.is_none();
            news.end.get_or_insert(end);
            is_first
        })
    }

    /// A renewal begins.
    pub fn begin(&self) -> Duration {
        let begun = self.now();
        self.news.send_modify(|news| news.begun += 1);
        begun
    }

    /// Until when a try that began then and failed now tells that the database is away: until the next
    /// one must have ended. One that took longer than tries do ran into a pause of this process and
    /// tells nothing.
    fn away_until(&self, begun: Duration) -> Duration {
        let (now, turn) = (self.now(), self.pace.turn());
        if now > begun + turn { Duration::ZERO } else { now + turn + self.pace.retry }
    }

    /// What the database said to a renewal begun at `begun`.
    pub fn hear(&self, begun: Duration, word: Result<bool, RowError>) {
        let failure = match word {
            Ok(true) => {
                self.deadline.store(nanos(begun + self.pace.valid), Ordering::Release);
                self.away_until.store(0, Ordering::Release);
                None
            }
            Ok(false) => {
                let why = "another broker took over after this one was not heard of for a lease";
                self.finish(End::Fenced(why.to_owned()));
                None
            }
            Err(RowError::Away(why)) => {
                self.away_until.store(nanos(self.away_until(begun)), Ordering::Release);
                Some(why)
            }
            Err(RowError::Failed(why)) => {
                self.away_until.store(0, Ordering::Release);
                Some(why)
            }
        };
        self.news.send_modify(|news| {
            news.ended = news.begun;
            news.heard = Instant::now();
            news.failure = failure;
        });
    }
}

impl News {
    fn of_an_epoch_that_begins() -> Self {
        Self { begun: 0, ended: 0, heard: Instant::now(), failure: None, end: None }
    }
}

fn nanos(moment: Duration) -> u64 {
    u64::try_from(moment.as_nanos()).unwrap_or(u64::MAX)
}
