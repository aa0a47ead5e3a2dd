//! The queue of spans: bounded, and what finds no room in it is counted.

use super::{SpanCounts, counts::add, exporter::Counted};
use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, OTEL_BSP_MAX_QUEUE_SIZE,
        OTEL_BSP_MAX_QUEUE_SIZE_DEFAULT, Span, SpanData, SpanExporter, SpanProcessor,
    },
};
use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Hands spans to a thread that exports them, as long as there is room. The thread's own queue has that
/// room, too: it drops without telling.
#[derive(Debug)]
pub struct Bounded {
    batches: BatchSpanProcessor,
    counts: Arc<SpanCounts>,
    waiting: Arc<AtomicUsize>,
    limit: usize,
}

impl Bounded {
    /// With the limits that the variables `OTEL_BSP_*` say, or those of the specification.
    pub fn new<E: SpanExporter + 'static>(exporter: Counted<E>, counts: Arc<SpanCounts>) -> Self {
        let said = env::var(OTEL_BSP_MAX_QUEUE_SIZE).ok().and_then(|text| text.parse().ok());
        let limit = said.filter(|limit| *limit > 0).unwrap_or(OTEL_BSP_MAX_QUEUE_SIZE_DEFAULT);
        Self::of(exporter, counts, limit)
    }

    fn of<E: SpanExporter + 'static>(
        exporter: Counted<E>,
        counts: Arc<SpanCounts>,
        limit: usize,
    ) -> Self {
        let waiting = exporter.waiting.clone();
        let config = BatchConfigBuilder::default().with_max_queue_size(limit).build();
        let batches = BatchSpanProcessor::new(exporter, config);
        Self { batches, counts, waiting, limit }
    }
}

impl SpanProcessor for Bounded {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.waiting.fetch_add(1, Ordering::AcqRel) < self.limit {
            self.batches.on_end(span);
        } else {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            add(&self.counts.dropped, 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::tracer::counts::read;
    use opentelemetry::trace::{Tracer, TracerProvider};
    use opentelemetry_sdk::{error::OTelSdkError, trace::SdkTracerProvider};
    use std::sync::{Mutex, mpsc};

    /// Exports a batch when it is told how that goes.
    #[derive(Debug)]
    struct Stuck(Mutex<mpsc::Receiver<OTelSdkResult>>);

    impl SpanExporter for Stuck {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().recv().unwrap_or(Err(OTelSdkError::AlreadyShutdown))
        }
    }

    #[test]
    fn what_finds_no_room_is_counted_and_all_is_accounted_for() {
        let (words, heard) = mpsc::channel();
        let counts = Arc::new(SpanCounts::default());
        let exporter = Counted::new(Stuck(Mutex::new(heard)), counts.clone());
        let bounded = Bounded::of(exporter, counts.clone(), 4);
        let provider = SdkTracerProvider::builder().with_span_processor(bounded).build();
        let tracer = provider.tracer("test");
        // The exporter is stuck: it may hold one batch, of at most as many as the queue has room for.
        (0..20).for_each(|_| drop(tracer.start("span")));
        let dropped = read(&counts.dropped);
        assert!((12..=16).contains(&dropped), "{dropped}");
        words.send(Err(OTelSdkError::InternalFailure("no".into()))).unwrap();
        (0..20).for_each(|_| words.send(Ok(())).unwrap());
        provider.shutdown().unwrap();
        let [exported, failed] = [&counts.exported, &counts.failed].map(read);
        assert_eq!(exported + failed + dropped, 20);
        assert!(failed > 0);
    }
}
