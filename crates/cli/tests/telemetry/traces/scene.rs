//! A broker that sends its traces to a Jaeger.

use super::view::{self, Trace};
use crate::{
    calls::{Client, connect},
    launch::Launch,
    process::Broker,
    waiting::{PATIENCE, within},
};
use broker_proto::{PublishRequest, PublishResponse, SubscribeRequest};
use broker_test_servers::Jaeger;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};
use tonic::{Request, Response};

/// Sends spans soon after they ended.
const SOON: &str = "OTEL_BSP_SCHEDULE_DELAY=100";

/// Between two looks at what Jaeger has.
const PAUSE: Duration = Duration::from_millis(50);

pub struct Scene {
    pub broker: Broker,
    pub client: Client,
    pub jaeger: Jaeger,
}

impl Scene {
    /// Records the share `sampling` of the traces that begin at the broker.
    pub async fn start(launch: Launch, sampling: &str) -> Self {
        let jaeger = Jaeger::start().await;
        let launch = launch
            .with("--otlp-endpoint", jaeger.endpoint())
            .with("--trace-sampling", sampling)
            .with("--log-format", "json");
        let broker = Broker::start(&launch.under(["env", SOON])).await;
        let client = connect(broker.address).await;
        Self { broker, client, jaeger }
    }

    /// Publishes, with a `traceparent` if one is given; the answer with its metadata.
    pub async fn publish(
        &self,
        request: PublishRequest,
        parent: Option<&str>,
    ) -> Response<PublishResponse> {
        let mut client = self.client.clone();
        let answer = within(PATIENCE, "publish", client.publish(with(request, parent)));
        answer.await.expect("it is published")
    }

    /// A subscription to what is new, and to what is kept above an id.
    pub async fn subscribe(
        &self,
        subject: &str,
        after_id: u64,
    ) -> tonic::Streaming<broker_proto::MessageResponse> {
        crate::calls::subscribe(&self.client, subject, after_id).await.expect("a subscription")
    }

    /// A subscription within a caller's trace.
    pub async fn subscribe_within(
        &self,
        subject: &str,
        parent: &str,
    ) -> tonic::Streaming<broker_proto::MessageResponse> {
        let request = SubscribeRequest { subject: subject.into(), ..SubscribeRequest::default() };
        let mut client = self.client.clone();
        let answer = client.subscribe(with(request, Some(parent)));
        within(PATIENCE, "subscribe", answer).await.expect("a subscription").into_inner()
    }

    /// The trace of that id once it has all these spans.
    pub async fn trace(&self, id: &str, names: &[&str]) -> Trace {
        let mut names = names.to_vec();
        names.sort_unstable();
        let (begun, mut looks) = (Instant::now(), tokio::time::interval(PAUSE));
        loop {
            looks.tick().await;
            let trace = self.look(id).await;
            if trace.names() == names {
                return trace;
            }
            assert!(begun.elapsed() < PATIENCE, "{names:?}, and there is {trace:#?}");
        }
    }

    /// What there is of a trace.
    pub async fn look(&self, id: &str) -> Trace {
        let answer = self.jaeger.get(&format!("/api/v3/traces/{id}")).await;
        let (_, content) = answer.expect("Jaeger answers");
        Trace::read(id, &content)
    }

    /// The ids of all traces with a span of that name.
    pub async fn ids(&self, name: &str) -> Vec<String> {
        let name = name.replace('/', "%2F");
        let path = format!("/api/traces?service=broker&operation={name}&limit=10000&lookback=1h");
        let (status, content) = self.jaeger.get(&path).await.expect("Jaeger answers");
        assert_eq!(status, 200, "{content}");
        view::ids(&content)
    }
}

/// A request within a caller's trace.
pub fn with<T>(message: T, parent: Option<&str>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(parent) = parent {
        let parent = parent.parse().expect("it is ASCII");
        request.metadata_mut().insert("traceparent", parent);
    }
    request
}

/// The id of a trace that no other test has, and of a caller's span in it.
pub fn fresh() -> (String, String) {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    (
        format!("{:016x}{count:016x}", 0x7e57_u64 + u64::from(std::process::id())),
        format!("{count:016x}"),
    )
}

/// What a caller says of its span.
pub fn parent((trace, span): &(String, String), is_sampled: bool) -> String {
    format!("00-{trace}-{span}-0{}", u8::from(is_sampled))
}
