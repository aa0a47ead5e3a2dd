//! What is counted of messages, as the core tells it.

use super::catalog::{
    ACCEPTED, ACCEPTED_BYTES, CLOCK_STEPS, DELIVERED, DELIVERED_BYTES, EXPIRED, LIMIT_REACHED,
    MISSED, REFUSED, STORE_FAILURES,
};
use prometheus::{IntCounter, IntCounterVec, Registry, Result};

/// Why a publisher may be refused. They are at 0 from the start, so that an alert sees the first refusal, too: a
/// counter that appears has not increased.
const REASONS: [&str; 12] = [
    "BROKER_CLOSING",
    "STANDBY",
    "STORAGE_UNAVAILABLE",
    "OVERLOADED",
    "OUTCOME_UNKNOWN",
    "INVALID_SUBJECT",
    "INVALID_EXPIRATION",
    "INVALID_HEADER",
    "MESSAGE_TOO_LARGE",
    "BATCH_TOO_LARGE",
    "MALFORMED",
    "INTERNAL",
];

/// Counts messages.
pub struct Messages {
    stored: Accepted,
    delivered_only: Accepted,
    delivered: IntCounter,
    delivered_bytes: IntCounter,
    missed: IntCounter,
    expired: IntCounter,
    refused: IntCounterVec,
    limits: IntCounterVec,
    clock_steps: IntCounterVec,
    failures: IntCounter,
}

struct Accepted {
    messages: IntCounter,
    bytes: IntCounter,
}

impl Messages {
    pub fn new(page: &Registry) -> Result<Self> {
        let one = |metric: &super::catalog::Metric| {
            metric.counters(page).map(|counters| counters.with_label_values::<&str>(&[]))
        };
        let (messages, bytes) = (ACCEPTED.counters(page)?, ACCEPTED_BYTES.counters(page)?);
        let accepted = |kept| Accepted {
            messages: messages.with_label_values(&[kept]),
            bytes: bytes.with_label_values(&[kept]),
        };
        let clock_steps = CLOCK_STEPS.counters(page)?;
        for direction in ["forward", "back"] {
            clock_steps.with_label_values(&[direction]);
        }
        let refused = REFUSED.counters(page)?;
        for reason in REASONS {
            refused.with_label_values(&[reason]);
        }
        Ok(Self {
            stored: accepted("stored"),
            delivered_only: accepted("delivered_only"),
            delivered: one(&DELIVERED)?,
            delivered_bytes: one(&DELIVERED_BYTES)?,
            missed: one(&MISSED)?,
            expired: one(&EXPIRED)?,
            refused,
            limits: LIMIT_REACHED.counters(page)?,
            clock_steps,
            failures: one(&STORE_FAILURES)?,
        })
    }

    pub fn accepted(&self, messages: u64, bytes: u64, stored: bool) {
        let accepted = if stored { &self.stored } else { &self.delivered_only };
        accepted.messages.inc_by(messages);
        accepted.bytes.inc_by(bytes);
    }

    pub fn delivered(&self, messages: u64, bytes: u64) {
        self.delivered.inc_by(messages);
        self.delivered_bytes.inc_by(bytes);
    }

    pub fn missed(&self, messages: u64) {
        self.missed.inc_by(messages);
    }

    pub fn expired(&self, messages: u64) {
        self.expired.inc_by(messages);
    }

    pub fn refused(&self, reason: &str, messages: u64) {
        self.refused.with_label_values(&[reason]).inc_by(messages);
    }

    pub fn limit_reached(&self, limit: &str) {
        self.limits.with_label_values(&[limit]).inc();
    }

    pub fn clock_stepped(&self, forward: bool) {
        self.clock_steps.with_label_values(&[if forward { "forward" } else { "back" }]).inc();
    }

    pub fn storage_failed(&self) {
        self.failures.inc();
    }
}
