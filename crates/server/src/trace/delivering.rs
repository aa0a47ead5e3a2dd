//! The spans of handing messages to one subscription.

use super::{Parent, Tracing, attributes, publish_of};
use broker_core::{
    Message,
    trace::{TraceContext, number},
};
use tracing::Span;

/// Makes a span for messages that one span published and that follow each other: what a stream submitted
/// at once is delivered in one, not in one for each message.
pub struct Delivering {
    tracing: Tracing,
    /// The span of the subscription's call, if it is recorded.
    call: Span,
    open: Option<Open>,
}

/// The span of the last messages.
struct Open {
    published: TraceContext,
    span: Span,
    messages: usize,
}

impl Delivering {
    pub fn new(tracing: Tracing, call: Span) -> Self {
        Self { tracing, call, open: None }
    }

    /// A message is handed over.
    pub fn add(&mut self, message: &Message) {
        let Self { tracing, call, open } = self;
        let Some(tracer) = &tracing.tracer else { return };
        let published = publish_of(message, &**tracer);
        if let Some(open) = open.as_mut().filter(|open| Some(open.published) == published) {
            open.messages += 1;
            return;
        }
        end(open);
        let Some(published) = published else { return };
        let span = attributes::delivery(message);
        tracer.begin(&span, Some(&Parent { context: published, state: None }));
        tracer.link(&span, published);
        if !call.is_disabled() {
            span.follows_from(&*call);
        }
        *open = Some(Open { published, span, messages: 1 });
    }

    /// Those that were handed over are on their way.
    pub fn end(&mut self) {
        end(&mut self.open);
    }
}

fn end(open: &mut Option<Open>) {
    if let Some(Open { span, messages, .. }) = open.take() {
        span.record("messaging.batch.message_count", number(messages));
    }
}
