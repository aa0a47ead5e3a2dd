//! Subscriptions as their clients see them.

use crate::support::{Client, Host, kept, message, raw, soon, until};
use broker_proto::{MessageResponse, PublishRequest, Start, SubscribeRequest};
use prost::Message;
use tonic::Streaming;

async fn subscribe(client: &mut Client, subject: &str, start: Start) -> Streaming<MessageResponse> {
    let request =
        SubscribeRequest { subject: subject.into(), start: start.into(), ..Default::default() };
    soon("a subscription", client.subscribe(request)).await.unwrap().into_inner()
}

async fn next(messages: &mut Streaming<MessageResponse>) -> MessageResponse {
    soon("a message", messages.message()).await.unwrap().unwrap()
}

#[tokio::test]
async fn it_stands_when_its_headers_come() {
    let host = Host::start().await;
    let mut client = host.client().await;
    // Nothing was ever published there; the headers come all the same.
    let mut messages = subscribe(&mut client, "s", Start::New).await;
    assert_eq!(host.broker.subscribers(), 1);
    client.publish(message("s", "fleeting")).await.unwrap();
    let seen = next(&mut messages).await;
    assert_eq!((&seen.body[..], seen.id, seen.missed), (&b"fleeting"[..], 0, 0));
    assert!(seen.published_at.is_some() && seen.expires_at.is_none());
}

#[tokio::test]
async fn kept_messages_come_with_all_that_was_said() {
    let host = Host::start().await;
    let mut client = host.client().await;
    let sent = PublishRequest {
        headers: [("k".to_owned(), "v".to_owned()), ("e".to_owned(), String::new())].into(),
        expiration_seconds: 60,
        ..message("s", "x")
    };
    client.publish(sent).await.unwrap();
    client.publish(kept("s", "y")).await.unwrap();
    let mut messages = subscribe(&mut client, "s", Start::Retained).await;
    let first = next(&mut messages).await;
    assert_eq!((first.id, first.subject.as_str(), first.headers["k"].as_str()), (1, "s", "v"));
    let (published, expires) = (first.published_at.unwrap(), first.expires_at.unwrap());
    assert_eq!((published.seconds, expires.seconds), (1_700_000_000, 1_700_000_060));
    let second = next(&mut messages).await;
    assert_eq!((second.id, second.expires_at), (2, None));
}

#[tokio::test]
async fn messages_of_all_sizes_keep_their_order() {
    let host = Host::start().await;
    let mut client = host.client().await;
    let mut live = subscribe(&mut client, "s", Start::New).await;
    let sizes = [0, 1, 8_191, 8_192, 100, 40_000, 8_000, 8_000, 8_000, 8_000, 1_000_000, 3];
    for size in sizes {
        client.publish(kept("s", &"x".repeat(size))).await.unwrap();
    }
    let mut replayed = subscribe(&mut client, "s", Start::Retained).await;
    for (id, size) in (1..).zip(sizes) {
        for messages in [&mut live, &mut replayed] {
            let message = next(messages).await;
            assert_eq!((message.id, message.body.len()), (id, size));
        }
    }
}

#[tokio::test]
async fn what_a_slow_subscriber_lost_is_counted_exactly() {
    const MESSAGES: u64 = 3_000;
    let host = Host::with(|plan| plan.core.tail_bytes = 64 * 1024).await;
    let connection = raw::Connection::open(host.address).await;
    let request = SubscribeRequest { subject: "s".into(), start: 1, ..Default::default() };
    let (response, sending) = connection.begin(raw::SUBSCRIBE, &[]).await;
    raw::send(sending, raw::framed(0, &request.encode_to_vec())).await.unwrap();
    let mut body = soon("headers", response).await.unwrap().into_body();
    // It reads nothing while these go by.
    let mut client = host.client().await;
    let large = "x".repeat(2_000);
    for _ in 0..MESSAGES {
        client.publish(message("s", &large)).await.unwrap();
    }
    client.publish(kept("s", "last")).await.unwrap();
    let (mut seen, mut missed, mut wire) = (0, 0, Vec::new());
    loop {
        let data = soon("data", body.data()).await.unwrap().unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        wire.extend_from_slice(&data);
        while wire.len() >= 5 {
            let length = u32::from_be_bytes(wire[1..5].try_into().unwrap()) as usize;
            if wire.len() < 5 + length {
                break;
            }
            let message = MessageResponse::decode(&wire[5..5 + length]).unwrap();
            wire.drain(..5 + length);
            missed += message.missed;
            if message.id > 0 {
                assert!(missed > 0, "it was fast enough for everything");
                assert_eq!(seen + missed, MESSAGES);
                return;
            }
            seen += 1;
        }
    }
}

#[tokio::test]
async fn one_that_is_dropped_is_gone() {
    let host = Host::start().await;
    let mut client = host.client().await;
    let mut all = Vec::new();
    for _ in 0..100 {
        all.push(subscribe(&mut client, "s", Start::New).await);
    }
    assert_eq!(host.broker.subscribers(), 100);
    drop(all);
    until("the end of all subscriptions", || host.broker.subscribers() == 0).await;
}

#[tokio::test]
async fn one_whose_connection_breaks_is_gone() {
    let host = Host::start().await;
    let connection = raw::Connection::open(host.address).await;
    let request = SubscribeRequest { subject: "s".into(), ..Default::default() };
    let (response, sending) = connection.begin(raw::SUBSCRIBE, &[]).await;
    raw::send(sending, raw::framed(0, &request.encode_to_vec())).await.unwrap();
    let _body = soon("headers", response).await.unwrap().into_body();
    assert_eq!(host.broker.subscribers(), 1);
    connection.running.abort();
    until("the end of the subscription", || host.broker.subscribers() == 0).await;
}

#[tokio::test]
async fn a_slow_one_holds_up_nobody() {
    let host = Host::start().await;
    let mut slow_client = host.client().await;
    let mut client = host.client().await;
    let mut slow = subscribe(&mut slow_client, "s", Start::Retained).await;
    let mut fast = subscribe(&mut client, "s", Start::Retained).await;
    let large = "x".repeat(100_000);
    for id in 1..=300 {
        client.publish(kept("s", &large)).await.unwrap();
        assert_eq!(next(&mut fast).await.id, id);
    }
    // It is caught up from the store, without a hole.
    for id in 1..=300 {
        assert_eq!(next(&mut slow).await.id, id);
    }
}
