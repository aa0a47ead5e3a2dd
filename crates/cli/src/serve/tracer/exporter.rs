//! Counts what an exporter exports, and says in the log when it cannot.

use super::{SpanCounts, counts::add};
use broker_core::Repeats;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tracing::warn;

/// An exporter that is counted.
#[derive(Debug)]
pub struct Counted<E> {
    exporter: E,
    counts: Arc<SpanCounts>,
    /// Spans that ended and were not handed to the exporter yet.
    pub waiting: Arc<AtomicUsize>,
    failures: Mutex<Repeats>,
}

impl<E: SpanExporter> Counted<E> {
    pub fn new(exporter: E, counts: Arc<SpanCounts>) -> Self {
        Self { exporter, counts, waiting: Arc::default(), failures: Mutex::default() }
    }

    fn failed(&self, why: &str, spans: usize) {
        add(&self.counts.failed, spans);
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        // Not by the words of the failure, which may differ each time.
        if let Some(times) = failures.count("export", Instant::now()) {
            warn!(times, "traces cannot be sent and are lost: {why}");
        }
    }
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.waiting.fetch_sub(spans, Ordering::AcqRel);
        let result = self.exporter.export(batch).await;
        match &result {
            Ok(()) => add(&self.counts.exported, spans),
            Err(error) => self.failed(&error.to_string(), spans),
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
