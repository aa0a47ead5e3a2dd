//! What an observer of calls hears.

use crate::support::{Host, kept, message, until};
use broker_proto::SubscribeRequest;
use broker_server::{Code, RpcObserver};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

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
