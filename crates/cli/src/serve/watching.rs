//! Who hears of what happens: the log and the metrics.

use super::{
    logger::Logger,
    metrics::{Messages, Metrics},
};
use broker_core::Observer;
use broker_server::{Code, RpcObserver};
use std::{sync::Arc, time::Duration};

/// Tells both.
pub struct Watching {
    pub logger: Arc<Logger>,
    /// Nothing where nothing is counted.
    pub metrics: Option<Arc<Metrics>>,
}

impl Watching {
    fn count(&self, count: impl FnOnce(&Messages)) {
        if let Some(metrics) = &self.metrics {
            count(&metrics.messages);
        }
    }

    fn limit_reached(&self, limit: &'static str) {
        self.count(|counted| counted.limit_reached(limit));
        self.logger.overloaded(limit);
    }
}

impl Observer for Watching {
    fn accepted(&self, messages: u64, bytes: u64, stored: bool) {
        self.count(|counted| counted.accepted(messages, bytes, stored));
    }

    fn delivered(&self, messages: u64, bytes: u64) {
        self.count(|counted| counted.delivered(messages, bytes));
    }

    fn missed(&self, messages: u64) {
        self.count(|counted| counted.missed(messages));
    }

    fn expired(&self, messages: u64) {
        self.count(|counted| counted.expired(messages));
    }

    fn overloaded(&self, limit: &'static str) {
        self.limit_reached(limit);
    }

    fn clock_stepped(&self, forward: bool, by: Duration) {
        self.count(|counted| counted.clock_stepped(forward));
        self.logger.clock_stepped(forward, by);
    }

    fn fenced(&self, reason: &str) {
        self.logger.fenced(reason);
    }

    fn storage_failed(&self, what: &str) {
        self.count(|counted| counted.storage_failed());
        self.logger.storage_failed(what);
    }
}

impl RpcObserver for Watching {
    fn started(&self, method: &'static str) {
        if let Some(metrics) = &self.metrics {
            metrics.calls.started(method);
        }
    }

    fn finished(&self, method: &'static str, code: Code, took: Duration) {
        if let Some(metrics) = &self.metrics {
            metrics.calls.finished(method, code, took);
        }
    }

    fn refused(&self, reason: &'static str, messages: u64) {
        self.count(|counted| counted.refused(reason, messages));
    }

    fn overloaded(&self, limit: &'static str) {
        self.limit_reached(limit);
    }
}
