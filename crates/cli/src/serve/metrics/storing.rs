//! What is counted of the store: its calls, by the decorator around it, and its work beneath them.

use super::{
    calls::DURATIONS,
    catalog::{
        COMMIT_DURATION, COMMIT_MESSAGES, RECLAIMED, RECLAIMED_BYTES, STORE_CALL_DURATION,
        STORE_CALLS, STORE_MESSAGE_BYTES, STORE_MESSAGES, SYNC_DURATION,
    },
};
use broker_storage::{ActivityObserver, Operation, Outcome, StorageCall, StorageObserver};
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, Registry, Result};
use std::{sync::OnceLock, time::Duration};

/// Upper bounds of messages in one commit.
const COMMITS: &[f64] =
    &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0, 4_096.0, 16_384.0];

/// Counts the store's calls and commits.
pub struct Storing {
    calls: IntCounterVec,
    /// By operation, in the order of [`Operation::ALL`].
    operations: Vec<Counted>,
    reclaimed: IntCounter,
    reclaimed_bytes: IntCounter,
    commit_messages: Late,
    commit_duration: Late,
    sync_duration: Late,
}

/// A histogram that is on the page from its first value on: not every store has any.
struct Late {
    one: OnceLock<Histogram>,
    page: HistogramVec,
}

impl Late {
    fn new(page: HistogramVec) -> Self {
        Self { one: OnceLock::new(), page }
    }

    fn observe(&self, value: f64) {
        self.one.get_or_init(|| self.page.with_label_values::<&str>(&[])).observe(value);
    }
}

struct Counted {
    operation: Operation,
    /// Calls that went well; the others are looked up.
    done: IntCounter,
    durations: Histogram,
    messages: IntCounter,
    bytes: IntCounter,
}

impl Storing {
    pub fn new(page: &Registry) -> Result<Self> {
        let calls = STORE_CALLS.counters(page)?;
        let durations = STORE_CALL_DURATION.histograms(page, DURATIONS)?;
        let messages = STORE_MESSAGES.counters(page)?;
        let bytes = STORE_MESSAGE_BYTES.counters(page)?;
        let operations = Operation::ALL.iter().map(|operation| {
            let name = operation.name();
            Counted {
                operation: *operation,
                done: calls.with_label_values(&[name, Outcome::Done.name()]),
                durations: durations.with_label_values(&[name]),
                messages: messages.with_label_values(&[name]),
                bytes: bytes.with_label_values(&[name]),
            }
        });
        let operations = operations.collect();
        let none: &[&str] = &[];
        Ok(Self {
            operations,
            calls,
            reclaimed: RECLAIMED.counters(page)?.with_label_values(none),
            reclaimed_bytes: RECLAIMED_BYTES.counters(page)?.with_label_values(none),
            commit_messages: Late::new(COMMIT_MESSAGES.histograms(page, COMMITS)?),
            commit_duration: Late::new(COMMIT_DURATION.histograms(page, DURATIONS)?),
            sync_duration: Late::new(SYNC_DURATION.histograms(page, DURATIONS)?),
        })
    }
}

impl StorageObserver for Storing {
    fn ended(&self, call: &StorageCall) {
        let counted = self.operations.iter().find(|counted| counted.operation == call.operation);
        let Some(counted) = counted else { return };
        counted.durations.observe(call.duration.as_secs_f64());
        match call.outcome {
            Outcome::Done => counted.done.inc(),
            failed => {
                let labels = [call.operation.name(), failed.name()];
                self.calls.with_label_values(&labels).inc();
            }
        }
        if call.operation == Operation::Reclaim {
            self.reclaimed.inc_by(call.messages);
            self.reclaimed_bytes.inc_by(call.bytes);
        } else {
            counted.messages.inc_by(call.messages);
            counted.bytes.inc_by(call.bytes);
        }
    }
}

impl ActivityObserver for Storing {
    fn committed(&self, messages: usize, took: Duration) {
        self.commit_messages.observe(messages as f64);
        self.commit_duration.observe(took.as_secs_f64());
    }

    fn synced(&self, took: Duration) {
        self.sync_duration.observe(took.as_secs_f64());
    }
}
