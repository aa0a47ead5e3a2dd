//! Which calls are traced, and their spans.
//!
//! It is decided before anything is built: by what the caller says of its own trace, else by the
//! [`Tracer`]. What is not recorded has no span and allocates nothing.

mod attributes;
mod delivering;
mod publishing;
#[cfg(test)]
mod tests;

pub use attributes::ended;
pub use delivering::Delivering;

use broker_core::{
    Message,
    trace::{TARGET, TRACEPARENT, Trace, TraceContext, TraceParent},
};
use http::{HeaderMap, HeaderValue};
use std::sync::Arc;
use tracing::{Span, field::Empty, info_span};

/// The trace's own notes of those it passed, for who exports spans.
const TRACESTATE: &str = "tracestate";

/// Records spans. Called on hot paths, but where it is noted otherwise only for what is recorded.
pub trait Tracer: Send + Sync + 'static {
    /// Whether to record something. `parent` is whether its caller records it; `None`: nobody said.
    /// Asked of everything that is not recorded, too.
    fn is_sampled(&self, parent: Option<bool>) -> bool;

    /// Puts a span that was made just now into the trace of its parent, or into the one that it has;
    /// answers its ids, `None` if it is not recorded after all.
    fn begin(&self, span: &Span, parent: Option<&Parent<'_>>) -> Option<TraceContext>;

    /// Links a span to one of which no more is known.
    fn link(&self, span: &Span, to: TraceContext);
}

/// A span of somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent<'a> {
    /// Its ids.
    pub context: TraceContext,
    /// The text of its `tracestate`.
    pub state: Option<&'a str>,
}

/// What the door does about traces.
#[derive(Clone, Default)]
pub struct Tracing {
    /// Nothing is traced without.
    tracer: Option<Arc<dyn Tracer>>,
    /// Whether messages carry their publish's context to subscribers.
    tells_subscribers: bool,
}

/// A call as far as it is traced.
#[derive(Clone)]
pub struct CallTrace {
    /// The call's span, if it is recorded.
    pub span: Span,
    /// Its ids, if it is recorded.
    pub context: Option<TraceContext>,
    /// Whether its caller records it, if it said so.
    caller: Option<bool>,
}

impl CallTrace {
    /// Of a call that is not traced.
    pub fn none() -> Self {
        Self { span: Span::none(), context: None, caller: None }
    }
}

impl Tracing {
    pub fn new(tracer: Arc<dyn Tracer>, tells_subscribers: bool) -> Self {
        Self { tracer: Some(tracer), tells_subscribers }
    }

    /// Begins the span of a call. `method` is its service and its name, with a slash between them.
    pub fn call(&self, method: &'static str, headers: &HeaderMap) -> CallTrace {
        let Some(tracer) = &self.tracer else { return CallTrace::none() };
        let parent = parent_of(headers);
        let caller = parent.map(|parent| parent.is_sampled);
        if !tracer.is_sampled(caller) {
            return CallTrace { caller, ..CallTrace::none() };
        }
        let (service, name) = method.split_once('/').unwrap_or(("", method));
        let span = info_span!(
            target: TARGET,
            parent: None,
            "rpc",
            "otel.name" = method,
            "otel.kind" = "server",
            "otel.status_code" = Empty,
            "rpc.system" = "grpc",
            "rpc.service" = service,
            "rpc.method" = name,
            "rpc.grpc.status_code" = Empty,
        );
        let state = headers.get(TRACESTATE).and_then(|state| state.to_str().ok());
        let parent = parent.map(|parent| Parent { context: parent.context, state });
        let context = tracer.begin(&span, parent.as_ref());
        CallTrace { span, context, caller }
    }
}

/// The span that published a message: one that the store gave back knows it by its header only.
fn publish_of(message: &Message, tracer: &dyn Tracer) -> Option<TraceContext> {
    if let Some(trace) = message.trace() {
        return Some(trace.context);
    }
    let header = message.headers.get(TRACEPARENT)?;
    let parent = TraceParent::parse(header.as_bytes())?;
    (parent.is_sampled && tracer.is_sampled(Some(true))).then_some(parent.context)
}

/// What the caller says of its trace; two words on it are none.
fn parent_of(headers: &HeaderMap) -> Option<TraceParent> {
    let mut texts = headers.get_all(TRACEPARENT).iter();
    let text = texts.next()?;
    if texts.next().is_some() { None } else { TraceParent::parse(text.as_bytes()) }
}

/// Tells the caller the ids of its call's span.
pub fn tell_caller(headers: &mut HeaderMap, context: TraceContext) {
    let text = TraceParent { context, is_sampled: true }.to_string();
    if let Ok(text) = HeaderValue::try_from(text) {
        headers.insert(TRACEPARENT, text);
    }
}

/// The trace of a message whose publisher is this span.
fn trace_of(context: TraceContext) -> Option<Box<Trace>> {
    Some(Box::new(Trace::of(context)))
}
