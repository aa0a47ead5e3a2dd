//! What an operator is told: clock steps, failures of the store, limits reached.

use broker_core::Repeats;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tracing::{error, warn};

/// Writes to the log; what repeats is counted, not repeated.
#[derive(Debug, Default)]
pub struct Logger {
    failures: Mutex<Repeats>,
    absences: Mutex<Repeats>,
    limits: Mutex<Repeats>,
}

impl Logger {
    /// The machine's clock was stepped.
    pub fn clock_stepped(&self, forward: bool, by: Duration) {
        let direction = if forward { "forward" } else { "back" };
        warn!(direction, by = ?by, "the machine's clock was stepped {direction} by {by:?}");
    }

    /// Another broker owns the store.
    pub fn fenced(&self, reason: &str) {
        error!(reason, "another broker owns the store: {reason}");
    }

    /// The store failed in a way its callers are not told in words.
    pub fn storage_failed(&self, what: &str) {
        if let Some(times) = lock(&self.failures).count(what, Instant::now()) {
            storage_failed(what, times);
        }
    }

    /// A limit was reached.
    pub fn overloaded(&self, limit: &str) {
        if let Some(times) = lock(&self.limits).count(limit, Instant::now()) {
            overloaded(limit, times);
        }
    }

    /// The database cannot be reached while its store is being opened: told at every try.
    pub fn database_away(&self, why: &str) {
        if let Some(times) = lock(&self.absences).count(why, Instant::now()) {
            database_away(why, times);
        }
    }

    /// Says what was counted and not said yet.
    pub fn finish(&self) {
        for (what, times) in lock(&self.failures).unsaid() {
            storage_failed(&what, times);
        }
        for (why, times) in lock(&self.absences).unsaid() {
            database_away(&why, times);
        }
        for (limit, times) in lock(&self.limits).unsaid() {
            overloaded(&limit, times);
        }
    }
}

fn storage_failed(what: &str, times: u64) {
    error!(times, "the store failed: {what}");
}

fn database_away(why: &str, times: u64) {
    warn!(times, "waiting for the database: {why}");
}

fn overloaded(limit: &str, times: u64) {
    warn!(limit, times, "calls were refused: the limit on {limit} is reached");
}

fn lock(repeats: &Mutex<Repeats>) -> MutexGuard<'_, Repeats> {
    // Nothing panics half-way through a change.
    repeats.lock().unwrap_or_else(PoisonError::into_inner)
}
