//! Publications on their way in: whose trace they belong to.

use super::{CallTrace, Parent, Tracer, Tracing, attributes, trace_of};
use crate::limits::MAX_MESSAGE;
use broker_core::{
    Publication,
    trace::{TRACEPARENT, TraceContext, TraceParent},
};
use tracing::Span;

/// Spans of publishers that a submission is linked to, at most: what exporters keep of them.
const LINKS: usize = 128;

/// Bytes of a message that an added header and the encoding of the others may take beside what is
/// counted.
const ROOM: usize = 256;

impl Tracing {
    /// The span within which publications of a unary call are handed over. Each learns its trace.
    pub fn publish(&self, call: &CallTrace, publications: &mut [Publication]) -> Span {
        let Some(tracer) = &self.tracer else { return Span::none() };
        let publishers = self.assign(&**tracer, call.context, publications);
        if call.span.is_disabled() {
            return submission(&**tracer, &publishers, publications.len());
        }
        publishers.iter().for_each(|publisher| tracer.link(&call.span, *publisher));
        call.span.clone()
    }

    /// The span of what was read of a publish stream at once. It belongs to the stream's trace if the
    /// caller said so; else it is decided anew, so that no trace grows as long as a stream.
    pub fn submit(&self, stream: &CallTrace, publications: &mut [Publication]) -> Span {
        let Some(tracer) = &self.tracer else { return Span::none() };
        let span = match stream.caller {
            Some(_) if stream.span.is_disabled() => Span::none(),
            None if !tracer.is_sampled(None) => Span::none(),
            Some(_) | None => attributes::submission(publications.len()),
        };
        if span.is_disabled() {
            let publishers = self.assign(&**tracer, None, publications);
            return submission(&**tracer, &publishers, publications.len());
        }
        let parent = stream.caller.and(stream.context);
        let parent = parent.map(|context| Parent { context, state: None });
        let context = tracer.begin(&span, parent.as_ref());
        let publishers = self.assign(&**tracer, context, publications);
        publishers.iter().for_each(|publisher| tracer.link(&span, *publisher));
        span
    }

    /// Tells each publication its trace: its publisher's, if a header says so, else that of `base`.
    /// Answers the publishers' spans.
    pub(super) fn assign(
        &self,
        tracer: &dyn Tracer,
        base: Option<TraceContext>,
        publications: &mut [Publication],
    ) -> Vec<TraceContext> {
        let mut publishers = Vec::new();
        for publication in publications {
            if let Some(own) = publication.headers.get(TRACEPARENT) {
                let own = TraceParent::parse(own.as_bytes());
                let own = own.filter(|own| tracer.is_sampled(Some(own.is_sampled)));
                let Some(own) = own.map(|own| own.context) else { continue };
                publication.trace = trace_of(own);
                if publishers.len() < LINKS && publishers.last() != Some(&own) {
                    publishers.push(own);
                }
            } else if let Some(base) = base {
                publication.trace = trace_of(base);
                if self.tells_subscribers {
                    tell_subscribers(publication, base);
                }
            }
        }
        publishers
    }
}

/// The span of publications whose call is not recorded, but whose publishers are.
fn submission(tracer: &dyn Tracer, publishers: &[TraceContext], messages: usize) -> Span {
    let Some((first, others)) = publishers.split_first() else { return Span::none() };
    let span = attributes::submission(messages);
    tracer.begin(&span, Some(&Parent { context: *first, state: None }));
    others.iter().for_each(|publisher| tracer.link(&span, *publisher));
    span
}

/// Adds the header, if there is room for it within the limits of a message.
fn tell_subscribers(publication: &mut Publication, context: TraceContext) {
    let Publication { subject, headers, body, .. } = publication;
    let bytes = subject.as_bytes().len() + headers.as_bytes().len() + body.len();
    if bytes + ROOM > MAX_MESSAGE {
        return;
    }
    let text = TraceParent { context, is_sampled: true }.to_string();
    // Too many of them already: it goes without.
    if let Ok(with) = headers.with(TRACEPARENT, &text) {
        *headers = with;
    }
}
