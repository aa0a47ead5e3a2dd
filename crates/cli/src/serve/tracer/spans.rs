//! What the door asks about spans, answered by the bridge from `tracing` to OpenTelemetry.

use super::{ids, sampling::Sampling};
use broker_core::trace::TraceContext;
use broker_server::{Parent, Tracer};
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use std::str::FromStr;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Spans of this process.
pub struct Spans(Sampling);

impl Spans {
    pub fn new(sampling: Sampling) -> Self {
        Self(sampling)
    }
}

impl Tracer for Spans {
    fn is_sampled(&self, parent: Option<bool>) -> bool {
        self.0.decide(parent)
    }

    fn begin(&self, span: &Span, parent: Option<&Parent<'_>>) -> Option<TraceContext> {
        if let Some(parent) = parent {
            let remote = Context::new().with_remote_span_context(remote(parent));
            // It was made just now, so it can be put there.
            span.set_parent(remote).ok()?;
        }
        ids::of(span)
    }

    fn link(&self, span: &Span, to: TraceContext) {
        span.add_link(remote(&Parent { context: to, state: None }));
    }
}

/// A span of another process, or one of which no more is known.
fn remote(Parent { context, state }: &Parent<'_>) -> SpanContext {
    // A text that is none does not take the trace with it.
    let state = state.and_then(|text| TraceState::from_str(text).ok()).unwrap_or_default();
    SpanContext::new(
        TraceId::from_bytes(context.trace_id.to_be_bytes()),
        SpanId::from_bytes(context.span_id.to_be_bytes()),
        TraceFlags::SAMPLED,
        true,
        state,
    )
}
