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

#[cfg(test)]
mod tests {
    use super::*;
    use broker_core::trace::TARGET;
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing::info_span;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn a_recorded_span_has_ids_while_it_is_current() {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            assert_eq!(current_ids(), None);
            let span = info_span!(target: TARGET, "a");
            let known = of(&span).unwrap();
            assert_eq!(span.in_scope(current_ids), Some(known));
            let child = info_span!(target: TARGET, parent: &span, "b");
            let inner = child.in_scope(current_ids).unwrap();
            assert_eq!(inner.trace_id, known.trace_id);
            assert_ne!(inner.span_id, known.span_id);
            assert_eq!(current_ids(), None);
        });
    }
}
