//! Deadlines that clients set.

use crate::support::{Host, kept, raw, reason, soon};
use broker_proto::SubscribeRequest;
use broker_storage::{
    Operation,
    faulty::{Hold, ReadPlan, WritePlan},
};
use prost::Message;
use tonic::Code;

const SHORT: &[(&str, &str)] = &[("grpc-timeout", "50m")];

#[tokio::test]
async fn a_publish_that_is_late_says_that_nobody_knows() {
    let host = Host::start().await;
    host.script
        .every_write(Operation::Append, WritePlan { hold: Hold::Start, ..WritePlan::default() });
    let connection = raw::Connection::open(host.address).await;
    let body = raw::framed(0, &kept("s", "x").encode_to_vec());
    let answer = connection.call(raw::PUBLISH, SHORT, body).await;
    let late = (Code::DeadlineExceeded, "OUTCOME_UNKNOWN".to_owned(), false);
    assert_eq!(reason(&answer.status()), late);
    host.store.release_all();
}

#[tokio::test]
async fn other_calls_end_at_their_deadline() {
    let host = Host::start().await;
    host.script.every_read(Operation::Fetch, ReadPlan { hold: Hold::Start, ..ReadPlan::default() });
    let connection = raw::Connection::open(host.address).await;
    let fetch = broker_proto::FetchRequest { subject: "s".into(), id: 1 };
    let subscribe = SubscribeRequest { subject: "s".into(), ..SubscribeRequest::default() };
    for (path, request) in
        [(raw::FETCH, fetch.encode_to_vec()), (raw::SUBSCRIBE, subscribe.encode_to_vec())]
    {
        let answer = connection.call(path, SHORT, raw::framed(0, &request)).await;
        assert_eq!(answer.status().code(), Code::DeadlineExceeded, "{path}");
    }
    let (response, _open) = connection.begin(raw::STREAM, SHORT).await;
    let answer = raw::answer(soon("headers", response).await.unwrap()).await;
    assert_eq!(answer.status().code(), Code::DeadlineExceeded);
    // A request that never comes is late too.
    let (response, _open) = connection.begin(raw::PUBLISH, SHORT).await;
    let answer = raw::answer(soon("headers", response).await.unwrap()).await;
    assert_eq!(reason(&answer.status()).0, Code::DeadlineExceeded);
    let watch = "/grpc.health.v1.Health/Watch";
    let answer = connection.call(watch, SHORT, raw::framed(0, b"")).await;
    assert_eq!(answer.status().code(), Code::DeadlineExceeded);
    let odd = &[("grpc-timeout", "soon")];
    let answer = connection.call(raw::FETCH, odd, raw::framed(0, b"")).await;
    assert_eq!(reason(&answer.status()).1, "MALFORMED");
}
