//! The ids of the span that is current, for lines of the log.

use broker_core::trace::TraceContext;
use opentelemetry::trace::TraceContextExt;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The span that the calling thread is in, if it is recorded.
pub fn current_ids() -> Option<TraceContext> {
    let span = Span::current();
    if span.is_disabled() { None } else { of(&span) }
}

/// The ids of a span, if it is recorded.
pub fn of(span: &Span) -> Option<TraceContext> {
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then(|| TraceContext {
        trace_id: u128::from_be_bytes(context.trace_id().to_bytes()),
        span_id: u64::from_be_bytes(context.span_id().to_bytes()),
    })
}
