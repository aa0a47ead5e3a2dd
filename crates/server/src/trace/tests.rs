//! What is decided before there is any span.

use super::*;
use crate::limits::MAX_MESSAGE;
use broker_core::{Headers, Lifetime, MAX_HEADERS, Publication, Subject};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Follows callers and records nothing else; counts spans.
#[derive(Default)]
struct Follower(AtomicUsize);

impl Tracer for Follower {
    fn is_sampled(&self, parent: Option<bool>) -> bool {
        parent == Some(true)
    }

    fn begin(&self, _: &Span, parent: Option<&Parent<'_>>) -> Option<TraceContext> {
        self.0.fetch_add(1, Ordering::Relaxed);
        parent.map(|parent| parent.context)
    }

    fn link(&self, _: &Span, _: TraceContext) {}
}

const CALLER: TraceContext = TraceContext { trace_id: 1, span_id: 2 };
const OTHER: TraceContext = TraceContext { trace_id: 3, span_id: 4 };

fn text(context: TraceContext, is_sampled: bool) -> String {
    TraceParent { context, is_sampled }.to_string()
}

fn metadata(texts: &[String]) -> HeaderMap {
    let values = texts.iter().map(|text| HeaderValue::from_str(text).unwrap());
    values.map(|value| (http::HeaderName::from_static(TRACEPARENT), value)).collect()
}

fn publication(header: Option<&str>) -> Publication {
    Publication {
        subject: Subject::new("s").unwrap(),
        headers: Headers::from_pairs(header.map(|header| (TRACEPARENT, header))).unwrap(),
        body: bytes::Bytes::new(),
        lifetime: Lifetime::Forever,
        trace: None,
    }
}

fn context(publication: &Publication) -> Option<TraceContext> {
    publication.trace.as_ref().map(|trace| trace.context)
}

#[test]
fn a_call_is_traced_as_its_caller_says() {
    let follower = Arc::new(Follower::default());
    let tracing = Tracing::new(follower.clone(), false);
    let (sampled, unsampled) = (text(CALLER, true), text(CALLER, false));
    let calls = [
        (metadata(&[]), None, None),
        (metadata(&["nothing".into()]), None, None),
        (metadata(&[unsampled]), None, Some(false)),
        // Two words on one call are none.
        (metadata(&[sampled.clone(), sampled.clone()]), None, None),
        (metadata(&[sampled]), Some(CALLER), Some(true)),
    ];
    for (metadata, context, caller) in calls {
        let call = tracing.call("broker.Broker/Publish", &metadata);
        assert_eq!((call.context, call.caller), (context, caller), "{metadata:?}");
    }
    assert_eq!(follower.0.load(Ordering::Relaxed), 1);
}

#[test]
fn without_a_tracer_nothing_is_looked_at() {
    let tracing = Tracing::default();
    let call = tracing.call("broker.Broker/Publish", &metadata(&[text(CALLER, true)]));
    assert_eq!((call.context, call.caller), (None, None));
    let mut publications = [publication(Some(&text(OTHER, true)))];
    tracing.publish(&call, &mut publications);
    assert_eq!(context(&publications[0]), None);
}

#[test]
fn a_publication_belongs_to_its_own_trace_before_its_call_s() {
    let follower = Follower::default();
    let tracing = Tracing::new(Arc::new(Follower::default()), false);
    let headers = [None, Some(text(OTHER, true)), Some(text(OTHER, false)), Some("?".into())];
    let publications = || headers.clone().map(|header| publication(header.as_deref()));
    for (call, expected) in [
        (Some(CALLER), [Some(CALLER), Some(OTHER), None, None]),
        (None, [None, Some(OTHER), None, None]),
    ] {
        let mut publications = publications();
        assert_eq!(tracing.assign(&follower, call, &mut publications), [OTHER]);
        assert_eq!(publications.each_ref().map(context), expected);
    }
}

#[test]
fn a_header_is_added_where_there_is_room_and_none() {
    let follower = Follower::default();
    let tracing = Tracing::new(Arc::new(Follower::default()), true);
    let told = |mut publication: Publication| {
        tracing.assign(&follower, Some(CALLER), std::slice::from_mut(&mut publication));
        publication.headers.get(TRACEPARENT).map(str::to_owned)
    };
    assert_eq!(told(publication(None)), Some(text(CALLER, true)));
    let own = text(OTHER, false);
    assert_eq!(told(publication(Some(&own))), Some(own));
    let large = Publication { body: vec![0; MAX_MESSAGE - 100].into(), ..publication(None) };
    assert_eq!(told(large), None);
    let keys: Vec<_> = (0..MAX_HEADERS).map(|number| number.to_string()).collect();
    let headers = Headers::from_pairs(keys.iter().map(|key| (key.as_str(), ""))).unwrap();
    assert_eq!(told(Publication { headers, ..publication(None) }), None);
}
