//! Messages around the limit, and far beyond.

use crate::support::{Host, batch, id_of, kept, problem, raw, reason};
use broker_proto::{FetchRequest, PublishRequest, SubscribeRequest};
use broker_server::{MAX_MESSAGE, MAX_REQUEST};
use bytes::Bytes;
use prost::Message;
use tonic::Code;

/// A kept message of exactly this many bytes.
fn sized(bytes: usize) -> PublishRequest {
    let mut message = kept("s", "");
    message.headers = [("key".to_owned(), "value".to_owned())].into();
    message.body = vec![7; bytes - 100].into();
    message.body = vec![7; bytes - (message.encoded_len() - (bytes - 100))].into();
    assert_eq!(message.encoded_len(), bytes);
    message
}

fn too_large() -> (Code, String, bool) {
    (Code::InvalidArgument, "MESSAGE_TOO_LARGE".to_owned(), false)
}

#[tokio::test]
async fn a_message_at_the_limit_reaches_a_client_with_default_limits() {
    let host = Host::start().await;
    let mut client = host.client().await;
    let subscribe = SubscribeRequest { subject: "s".into(), ..SubscribeRequest::default() };
    let mut live = client.subscribe(subscribe.clone()).await.unwrap().into_inner();
    for (id, size) in [(1, MAX_MESSAGE - 1), (2, MAX_MESSAGE)] {
        let message = sized(size);
        assert_eq!(client.publish(message.clone()).await.unwrap().into_inner().id, id);
        let fetch = FetchRequest { subject: "s".into(), id };
        let fetched = client.fetch(fetch).await.unwrap().into_inner();
        assert_eq!((fetched.body, fetched.id), (message.body.clone(), id));
        let delivered = live.message().await.unwrap().unwrap();
        assert_eq!((delivered.body, delivered.id), (message.body, id));
        assert_eq!(delivered.headers["key"], "value");
    }
    let mut replayed = client.subscribe(subscribe).await.unwrap().into_inner();
    for size in [MAX_MESSAGE - 1, MAX_MESSAGE] {
        let message = replayed.message().await.unwrap().unwrap();
        assert_eq!(message.body.len(), sized(size).body.len());
    }
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_refused_with_its_reason() {
    let host = Host::start().await;
    let mut client = host.client().await;
    for size in [MAX_MESSAGE + 1, 6 << 20, MAX_REQUEST] {
        let status = client.publish(sized(size)).await.unwrap_err();
        assert_eq!(reason(&status), too_large(), "{size}");
    }
    assert_eq!(client.publish(kept("s", "x")).await.unwrap().into_inner().id, 1);
}

#[tokio::test]
async fn in_a_batch_it_is_refused_alone() {
    let host = Host::start().await;
    let mut client = host.client().await;
    let sent = batch([kept("s", "a"), sized(MAX_MESSAGE + 1), sized(MAX_MESSAGE), kept("s", "b")]);
    let mut acks = client.publish_stream(tokio_stream::once(sent)).await.unwrap().into_inner();
    let results = acks.message().await.unwrap().unwrap().results;
    assert_eq!(reason(&problem(&results[1])), too_large());
    let ids: Vec<_> = [0, 2, 3].iter().map(|place| id_of(&results[*place])).collect();
    assert_eq!(ids, [Some(1), Some(2), Some(3)]);
    assert_eq!(acks.message().await.unwrap(), None);
}

#[tokio::test]
async fn a_huge_length_is_refused_before_it_comes() {
    let host = Host::start().await;
    let connection = raw::Connection::open(host.address).await;
    for (path, name) in [
        (raw::PUBLISH, "MESSAGE_TOO_LARGE"),
        (raw::FETCH, "MESSAGE_TOO_LARGE"),
        (raw::SUBSCRIBE, "MESSAGE_TOO_LARGE"),
        (raw::STREAM, "BATCH_TOO_LARGE"),
    ] {
        let (response, mut sending) = connection.begin(path, &[]).await;
        // Four GiB are promised, nothing comes, and the request stays open.
        sending.send_data(Bytes::from_static(&[0, 0xFF, 0xFF, 0xFF, 0xFF]), false).unwrap();
        let answer = raw::answer(response.await.unwrap()).await;
        assert_eq!(reason(&answer.status()), (Code::InvalidArgument, name.to_owned(), false));
    }
}
