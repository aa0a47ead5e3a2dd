//! Traces: spans of sampled calls, exported by OTLP.
//!
//! The door decides what is traced by [`Sampling`], `tracing` carries spans through the crates, its
//! bridge makes them OpenTelemetry's, and a thread exports them in batches. Nobody waits for a collector:
//! what finds no room in the queue is counted and dropped.

mod bounded;
mod counts;
mod exporter;
mod ids;
mod resource;
mod sampling;
mod spans;

pub use counts::{SPAN_OUTCOMES, SpanCounts};
pub use ids::current_ids;

use crate::settings::{Settings, Traces};
use anyhow::{Context, Result};
use bounded::Bounded;
use broker_core::trace::TARGET;
use exporter::Counted;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use sampling::Sampling;
use spans::Spans;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tracing::{Subscriber, info, level_filters::LevelFilter, warn};
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

/// Longest time that the last spans are waited for, whatever is left of the grace time.
const LAST: Duration = Duration::from_secs(5);

/// Links of one span at most: a commit is linked to every publish in it, of which so many are mostly all.
const LINKS: u32 = 1_024;

/// Exports spans until it is [finished](Tracer::finish).
pub struct Tracer {
    provider: SdkTracerProvider,
    counts: Arc<SpanCounts>,
    traces: Traces,
    endpoint: String,
}

impl Tracer {
    /// Begins to export, if an endpoint is set. Called on the runtime that the exporter is to use; the
    /// collector need not be there.
    ///
    /// # Errors
    /// What is wrong with a variable that the exporter reads.
    pub fn start(settings: &Settings) -> Result<Option<Self>> {
        let traces = settings.traces().clone();
        let Some(endpoint) = traces.endpoint.clone() else { return Ok(None) };
        let exporter = SpanExporter::builder().with_tonic().with_endpoint(&endpoint).build();
        let exporter = exporter.with_context(|| format!("cannot send traces to {endpoint}"))?;
        let counts = Arc::new(SpanCounts::default());
        let exporter = Counted::new(exporter, counts.clone());
        let provider = SdkTracerProvider::builder()
            // What comes here was decided before.
            .with_sampler(Sampler::AlwaysOn)
            .with_resource(resource::of(settings.storage()))
            .with_max_links_per_span(LINKS)
            .with_span_processor(Bounded::new(exporter, counts.clone()))
            .build();
        Ok(Some(Self { provider, counts, traces, endpoint }))
    }

    /// What takes spans from `tracing`: those of traces and what is noted at them, nothing else.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("broker"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
            .with_filter(Targets::new().with_target(TARGET, LevelFilter::INFO))
    }

    /// What the door asks about spans.
    pub fn spans(&self) -> Arc<dyn broker_server::Tracer> {
        Arc::new(Spans::new(Sampling::new(self.traces.ratio, self.traces.follows_parent)))
    }

    /// Whether messages carry their publish's context to subscribers.
    pub fn tells_subscribers(&self) -> bool {
        self.traces.tells_subscribers
    }

    /// How many spans were exported and how many not, for metrics.
    pub fn counts(&self) -> Arc<SpanCounts> {
        self.counts.clone()
    }

    /// Says that traces are on.
    pub fn announce(&self) {
        let Self { endpoint, traces, .. } = self;
        let Traces { ratio, follows_parent, .. } = *traces;
        let callers = if follows_parent { "followed" } else { "not followed" };
        info!(
            endpoint,
            sampling = ratio,
            "tracer ready: traces are sent to {endpoint}; sampling {ratio}, callers' traces are {callers}"
        );
    }

    /// Exports what is left, for as long as there is time until `end`, and no more after that.
    pub async fn finish(self, end: Instant) {
        let left = end.saturating_duration_since(Instant::now()).min(LAST);
        let provider = self.provider;
        let shut_down = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(left));
        if let Ok(Err(error)) = shut_down.await {
            warn!("the last spans were not exported: {error}");
        }
        let [exported, dropped, failed] = self.counts.all();
        info!(
            exported,
            dropped,
            failed,
            "tracer closed: {exported} spans exported, {dropped} dropped, {failed} failed"
        );
    }
}
