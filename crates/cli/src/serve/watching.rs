//! Who hears of what happens: the log and the metrics.

use super::{logger::Logger, metrics::Metrics};
use broker_core::Observer;
use broker_server::{Code, RpcObserver};
use std::{sync::Arc, time::Duration};

/// Tells both.
pub struct Watching {
    logger: Arc<Logger>,
    metrics: Arc<Metrics>,
}

impl Watching {
    pub fn new(logger: Arc<Logger>, metrics: Arc<Metrics>) -> Self {
        Self { logger, metrics }
    }

    fn limit_reached(&self, limit: &'static str) {
        self.metrics.messages.limit_reached(limit);
        self.logger.overloaded(limit);
    }
}

impl Observer for Watching {
    fn accepted(&self, messages: u64, bytes: u64, stored: bool) {
        self.metrics.messages.accepted(messages, bytes, stored);
    }

    fn delivered(&self, messages: u64, bytes: u64) {
        self.metrics.messages.delivered(messages, bytes);
    }

    fn missed(&self, messages: u64) {
        self.metrics.messages.missed(messages);
    }

    fn expired(&self, messages: u64) {
        self.metrics.messages.expired(messages);
    }

    fn overloaded(&self, limit: &'static str) {
        self.limit_reached(limit);
    }

    fn clock_stepped(&self, forward: bool, by: Duration) {
        self.metrics.messages.clock_stepped(forward);
        self.logger.clock_stepped(forward, by);
    }

    fn fenced(&self, reason: &str) {
        self.logger.fenced(reason);
    }

    fn storage_failed(&self, what: &str) {
        self.metrics.messages.storage_failed();
        self.logger.storage_failed(what);
    }
}

impl RpcObserver for Watching {
    fn started(&self, method: &'static str) {
        self.metrics.calls.started(method);
    }

    fn finished(&self, method: &'static str, code: Code, took: Duration) {
        self.metrics.calls.finished(method, code, took);
    }

    fn refused(&self, reason: &'static str, messages: u64) {
        self.metrics.messages.refused(reason, messages);
    }

    fn overloaded(&self, limit: &'static str) {
        self.limit_reached(limit);
    }
}
