//! Leaving, step by step.

use crate::status::Problem;
use std::{future::Future, time::Duration};
use tokio::sync::watch;

/// Where the server stands. It only goes forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Calls are answered, once there is a broker.
    Open,
    /// New calls hear BROKER_CLOSING; what was accepted is being stored and answered.
    Closing,
    /// The port is closed; connections end with their last calls.
    Leaving,
    /// The time is up: what is left is dropped.
    Cut,
}

/// Where the server stands, and why it leaves.
#[derive(Debug, Clone, Copy)]
struct Stand {
    phase: Phase,
    /// Another broker owns the store: it was not told to leave.
    is_fenced: bool,
}

/// Says where the server stands.
#[derive(Debug)]
pub struct Exit(watch::Sender<Stand>);

/// Hears where the server stands.
#[derive(Debug, Clone)]
pub struct Watch(watch::Receiver<Stand>);

impl Exit {
    pub fn new() -> Self {
        Self(watch::Sender::new(Stand { phase: Phase::Open, is_fenced: false }))
    }

    pub fn watch(&self) -> Watch {
        Watch(self.0.subscribe())
    }

    pub fn advance(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let advances = phase > now.phase;
            now.phase = phase.max(now.phase);
            advances
        });
    }

    /// Begins to close because another broker owns the store: calls hear STANDBY.
    pub fn fence(&self) {
        self.0.send_modify(|now| {
            now.is_fenced = true;
            now.phase = now.phase.max(Phase::Closing);
        });
    }
}

/// Whoever waits may go when the server is gone.
impl Drop for Exit {
    fn drop(&mut self) {
        self.advance(Phase::Cut);
    }
}

impl Watch {
    pub fn is(&self, phase: Phase) -> bool {
        self.0.borrow().phase >= phase
    }

    /// Whether it leaves because another broker owns the store.
    pub fn is_fenced(&self) -> bool {
        self.0.borrow().is_fenced
    }

    /// What calls hear when it leaves.
    pub fn farewell(&self) -> Problem {
        if self.is_fenced() { Problem::Standby } else { Problem::Closing }
    }

    /// What a client is told of a problem: a store that is gone because the broker leaves is no
    /// trouble of the store's.
    pub fn explain(&self, problem: Problem) -> Problem {
        match problem {
            Problem::StorageUnavailable if self.is(Phase::Closing) => self.farewell(),
            other => other,
        }
    }

    /// Done when that phase has come.
    pub async fn reached(&mut self, phase: Phase) {
        // The sender says Cut before it goes.
        let _ = self.0.wait_for(|now| now.phase >= phase).await;
    }

    /// As [`Watch::reached`], on its own.
    pub fn reaching(&self, phase: Phase) -> impl Future<Output = ()> + Send + use<> {
        let mut watch = self.clone();
        async move { watch.reached(phase).await }
    }
}

/// How the grace time is shared out: new calls hear BROKER_CLOSING for a while, and a little is kept
/// for dropping what does not end.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// The port stays open for at least this long.
    pub notice: Duration,
    /// From here on what is left is cut.
    pub cut: Duration,
}

impl Schedule {
    pub fn of(grace: Duration, notice: Duration) -> Self {
        let reserve = (grace / 10).min(Duration::from_secs(1));
        let cut = grace.saturating_sub(reserve);
        Self { notice: notice.min(cut / 2), cut }
    }

    /// For who may do nothing for the store any more: there is nothing to wait for but that clients
    /// have heard of it.
    pub fn of_fenced(grace: Duration, notice: Duration) -> Self {
        let Self { notice, cut } = Self::of(grace, notice);
        Self { notice, cut: cut.min(2 * notice) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn phases_only_go_forward() {
        let exit = Exit::new();
        let mut watch = exit.watch();
        exit.advance(Phase::Leaving);
        exit.advance(Phase::Closing);
        assert!(watch.is(Phase::Leaving) && !watch.is(Phase::Cut));
        watch.reached(Phase::Closing).await;
        drop(exit);
        watch.reached(Phase::Cut).await;
    }

    #[test]
    fn a_short_grace_leaves_time_for_every_step() {
        let schedule = Schedule::of(Duration::from_millis(100), Duration::from_secs(1));
        assert!(schedule.notice < schedule.cut && schedule.cut < Duration::from_millis(100));
    }

    #[test]
    fn who_is_fenced_does_not_wait_for_the_grace_time() {
        let second = Duration::from_secs(1);
        let schedule = Schedule::of_fenced(Duration::from_secs(30), second);
        assert_eq!((schedule.notice, schedule.cut), (second, 2 * second));
    }

    #[test]
    fn clients_hear_why_it_leaves() {
        let exit = Exit::new();
        let watch = exit.watch();
        assert_eq!(watch.explain(Problem::StorageUnavailable), Problem::StorageUnavailable);
        exit.advance(Phase::Closing);
        assert_eq!(watch.farewell(), Problem::Closing);
        exit.fence();
        assert_eq!(watch.explain(Problem::StorageUnavailable), Problem::Standby);
    }
}
