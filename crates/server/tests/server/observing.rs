//! What an observer of calls hears.

use crate::support::{Host, batch, kept, message, raw, soon, until};
use broker_proto::{FetchRequest, SubscribeRequest};
use broker_server::{Code, RpcObserver};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// Refused messages, by reason.
#[derive(Default)]
struct Refused(Mutex<Vec<(&'static str, u64)>>);

impl RpcObserver for Refused {
    fn refused(&self, reason: &'static str, messages: u64) {
        self.0.lock().unwrap().push((reason, messages));
    }
}

#[derive(Default)]
struct Heard(Mutex<Vec<(&'static str, Option<Code>)>>);

impl RpcObserver for Heard {
    fn started(&self, method: &'static str) {
        self.0.lock().unwrap().push((method, None));
    }

    fn finished(&self, method: &'static str, code: Code, _: Duration) {
        self.0.lock().unwrap().push((method, Some(code)));
    }
}

#[tokio::test]
async fn every_call_is_told_with_its_code() {
    let heard = Arc::new(Heard::default());
    let host = Host::with(|plan| plan.observer = Some(heard.clone())).await;
    let mut client = host.client().await;
    client.publish(kept("s", "x")).await.unwrap();
    client.publish(message("", "x")).await.unwrap_err();
    let request = SubscribeRequest { subject: "s".into(), ..SubscribeRequest::default() };
    drop(client.subscribe(request).await.unwrap());
    let mut health = tonic_health::pb::health_client::HealthClient::new(host.channel().await);
    health.check(tonic_health::pb::HealthCheckRequest::default()).await.unwrap();
    let publish = "broker.Broker/Publish";
    let subscribe = "broker.Broker/Subscribe";
    let check = "grpc.health.v1.Health/Check";
    for expected in [
        (publish, Code::Ok),
        (publish, Code::InvalidArgument),
        (subscribe, Code::Cancelled),
        (check, Code::Ok),
    ] {
        let expected = (expected.0, Some(expected.1));
        until("the end of a call", || heard.0.lock().unwrap().contains(&expected)).await;
    }
    let heard = heard.0.lock().unwrap();
    let begun = heard.iter().filter(|(_, code)| code.is_none()).count();
    assert_eq!((begun, heard.len()), (4, 8));
}

#[tokio::test]
async fn refused_messages_are_told_with_their_reason_and_nothing_else_is() {
    let refused = Arc::new(Refused::default());
    let host = Host::with(|plan| plan.observer = Some(refused.clone())).await;
    let mut client = host.client().await;
    client.publish(kept("s", "x")).await.unwrap();
    client.publish(message("", "x")).await.unwrap_err();
    // One whose deadline cannot be read is refused before it is received.
    let connection = raw::Connection::open(host.address).await;
    connection.call(raw::PUBLISH, &[("grpc-timeout", "soon")], raw::framed(0, b"")).await;
    // A fetch that finds nothing refuses no message.
    client.fetch(FetchRequest { subject: "s".into(), id: 9 }).await.unwrap_err();
    let mut negative = message("s", "x");
    negative.expiration_seconds = -1;
    let batches = [batch([kept("s", "y"), message("", "x"), negative.clone()]), batch([negative])];
    let acks = client.publish_stream(tokio_stream::iter(batches)).await.unwrap().into_inner();
    soon("the end of the stream", tokio_stream::StreamExt::collect::<Vec<_>>(acks)).await;
    let expected = [
        ("INVALID_SUBJECT", 1),
        ("MALFORMED", 1),
        ("INVALID_SUBJECT", 1),
        ("INVALID_EXPIRATION", 1),
        ("INVALID_EXPIRATION", 1),
    ];
    assert_eq!(*refused.0.lock().unwrap(), expected);
}
