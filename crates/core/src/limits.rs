//! Every bound of the core, by name.

use std::time::Duration;

/// The bounds of a broker. At each the answer is "overloaded" or back-pressure, never growth.
///
/// Queues, tails and pages together hold at most 64 MiB of messages by default: the first two
/// limits, and [`Limits::pages_in_flight`] pages of [`Limits::page_read_bytes`] with now and then a
/// larger message among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of messages accepted and not yet answered, over all publishers.
    pub queued_bytes: usize,
    /// Bytes of live messages held for subscribers that have not taken them yet, over all subjects.
    pub tail_bytes: usize,
    /// Pages of stored messages being read at once for subscribers that catch up.
    pub pages_in_flight: usize,
    /// Bytes one read of the store asks for; a larger message comes alone.
    pub page_read_bytes: usize,
    /// Messages the broker hands to the store in one append.
    pub append_messages: usize,
    /// Appends under way in the store at once.
    pub appends_in_flight: usize,
    /// Calls (publish, subscribe, purge) waiting for the shard at once.
    pub waiting_calls: usize,
    /// Subscriptions at once.
    pub subscriptions: usize,
    /// Subjects in one page of a listing.
    pub listed_subjects: usize,
    /// Calls of the store, each of bounded work, to count for one page of a listing.
    pub tallies: usize,
    /// Subjects remembered while nobody uses them.
    pub cached_subjects: usize,
    /// How long a publisher waits for the store's word before it hears that the outcome is unknown.
    pub outcome_timeout: Duration,
    /// How often space of expired messages is given back.
    pub reclaim_interval: Duration,
    /// Pause before an append of unknown outcome is tried again.
    pub retry_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            // One batch of the largest size (16 MiB, 65,536 messages) must fit with its bookkeeping.
            queued_bytes: 36 * MIB,
            tail_bytes: 16 * MIB,
            pages_in_flight: 6,
            page_read_bytes: 256 * 1024,
            append_messages: 16_384,
            appends_in_flight: 16,
            waiting_calls: 16_384,
            subscriptions: 10_000,
            listed_subjects: 1_000,
            tallies: 64,
            cached_subjects: 100_000,
            outcome_timeout: Duration::from_secs(10),
            reclaim_interval: Duration::from_secs(1),
            retry_pause: Duration::from_millis(100),
        }
    }
}
