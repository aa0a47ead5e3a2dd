//! The facts that only the core knows, for whoever counts them.

use std::time::Duration;

/// Hears what happens in the core. Called on hot paths: implementations count and return.
///
/// Every method has a default that does nothing.
pub trait Observer: Send + Sync + 'static {
    /// Messages were acknowledged: this many, of these bytes of body, stored or delivered only.
    fn accepted(&self, messages: u64, bytes: u64, stored: bool) {
        let _ = (messages, bytes, stored);
    }
    /// Messages were handed to one subscription's transport.
    fn delivered(&self, messages: u64, bytes: u64) {
        let _ = (messages, bytes);
    }
    /// A subscription was told of delivered-only messages that it lost.
    fn missed(&self, messages: u64) {
        let _ = messages;
    }
    /// Messages were skipped or refused to a reader because they had expired.
    fn expired(&self, messages: u64) {
        let _ = messages;
    }
    /// The number of subscriptions that stand changed to this.
    fn subscribers(&self, now: usize) {
        let _ = now;
    }
    /// A bound was reached; the name is that of the field of [`crate::Limits`] or of the store.
    fn overloaded(&self, limit: &'static str) {
        let _ = limit;
    }
    /// The wall clock was stepped by more than a second.
    fn clock_stepped(&self, forward: bool, by: Duration) {
        let _ = (forward, by);
    }
    /// Another broker owns the store, and why this one knows: it does nothing for the store any more.
    /// Told once.
    fn fenced(&self, reason: &str) {
        let _ = reason;
    }
    /// The store failed in a way its callers are not told in words.
    fn storage_failed(&self, what: &str) {
        let _ = what;
    }
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {}
