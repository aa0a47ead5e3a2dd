//! What happens at the limits of the door.

use crate::support::{Client, Host, batch, kept, message, raw, reason, soon, until};
use broker_proto::{PublishAck, PublishBatch, SubscribeRequest};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

fn overloaded() -> (Code, String, bool) {
    (Code::ResourceExhausted, "OVERLOADED".to_owned(), true)
}

fn subscribe(subject: &str) -> SubscribeRequest {
    SubscribeRequest { subject: subject.into(), ..SubscribeRequest::default() }
}

#[tokio::test]
async fn connections_beyond_the_limit_are_told_so() {
    let host = Host::with(|plan| plan.config.limits.connections = 2).await;
    let mut clients: Vec<Client> = vec![host.client().await, host.client().await];
    for client in &mut clients {
        client.publish(message("s", "x")).await.unwrap();
    }
    let mut third = TcpStream::connect(host.address).await.unwrap();
    let mut told = Vec::new();
    soon("a word", third.read_to_end(&mut told)).await.unwrap();
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(told.contains("limit on connections"), "{told:?}");
    drop(clients);
    // Room comes free again.
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(10));
    soon("room", async {
        loop {
            ticks.tick().await;
            let mut client = host.client().await;
            if client.publish(kept("s", "x")).await.is_ok() {
                break;
            }
        }
    })
    .await;
}

/// An open publish stream, and a message on it.
async fn open(
    client: &mut Client,
) -> Result<(mpsc::Sender<PublishBatch>, Streaming<PublishAck>), Status> {
    let (sender, receiver) = mpsc::channel(1);
    let acks = client.publish_stream(ReceiverStream::new(receiver)).await?.into_inner();
    // Gone if it was refused.
    let _ = sender.send(batch([kept("s", "x")])).await;
    Ok((sender, acks))
}

#[tokio::test]
async fn publish_streams_are_counted() {
    let host = Host::with(|plan| plan.config.limits.publish_streams = 2).await;
    let mut client = host.client().await;
    let mut first = open(&mut client).await.unwrap();
    let mut second = open(&mut client).await.unwrap();
    for (_, acks) in [&mut first, &mut second] {
        assert!(soon("an ack", acks.message()).await.unwrap().is_some());
    }
    assert_eq!(reason(&open(&mut client).await.unwrap_err()), overloaded());
    drop(first);
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(10));
    soon("a free place", async {
        while open(&mut client).await.is_err() {
            ticks.tick().await;
        }
    })
    .await;
}

#[tokio::test]
async fn subscriptions_are_counted() {
    let host = Host::with(|plan| plan.core.subscriptions = 2).await;
    let mut client = host.client().await;
    let first = client.subscribe(subscribe("s")).await.unwrap();
    let _second = client.subscribe(subscribe("s")).await.unwrap();
    assert_eq!(reason(&client.subscribe(subscribe("s")).await.unwrap_err()), overloaded());
    drop(first);
    until("a free place", || host.broker.subscribers() == 1).await;
    client.subscribe(subscribe("s")).await.unwrap();
}

#[tokio::test]
async fn calls_are_counted_and_health_is_not_among_them() {
    let host = Host::with(|plan| plan.config.limits.calls = 1).await;
    let mut client = host.client().await;
    let _held = client.subscribe(subscribe("s")).await.unwrap();
    assert_eq!(reason(&client.publish(kept("s", "x")).await.unwrap_err()), overloaded());
    let mut health = tonic_health::pb::health_client::HealthClient::new(host.channel().await);
    health.check(tonic_health::pb::HealthCheckRequest::default()).await.unwrap();
}

#[tokio::test]
async fn a_full_queue_refuses_single_messages() {
    let host = Host::with(|plan| plan.core.queued_bytes = 1_000).await;
    let status = host.client().await.publish(kept("s", &"x".repeat(1_000))).await.unwrap_err();
    assert_eq!(reason(&status), overloaded());
}

#[tokio::test]
async fn requests_that_are_never_finished_leave_room_in_the_end() {
    let host = Host::with(|plan| plan.config.limits.receiving_bytes = 100_000).await;
    let connection = raw::Connection::open(host.address).await;
    // They promise more than they send.
    let mut open = Vec::new();
    for _ in 0..3 {
        let (response, mut sending) = connection.begin(raw::PUBLISH, &[]).await;
        let whole = raw::framed(0, &vec![0; 90_000]);
        sending.send_data(whole.slice(..10_000), false).unwrap();
        open.push((response, sending));
    }
    // One that comes in one piece needs no room.
    let mut client = host.client().await;
    client.publish(kept("s", "small")).await.unwrap();
    drop(open);
    client.publish(kept("s", &"x".repeat(90_000))).await.unwrap();
}

#[tokio::test]
async fn more_calls_on_a_connection_wait_for_their_turn() {
    let host = Host::with(|plan| plan.config.limits.streams_per_connection = 4).await;
    let client = host.client().await;
    let calls = (0..100).map(|_| {
        let mut client = client.clone();
        tokio::spawn(async move { client.publish(kept("s", "x")).await })
    });
    for call in calls.collect::<Vec<_>>() {
        soon("an answer", call).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn large_messages_are_sent_in_turns() {
    let host = Host::with(|plan| plan.config.limits.sending_bytes = 5 << 20).await;
    let mut client = host.client().await;
    client.publish(kept("s", &"x".repeat(4_000_000))).await.unwrap();
    let calls = (0..8).map(|_| {
        let mut client = client.clone();
        let fetch = broker_proto::FetchRequest { subject: "s".into(), id: 1 };
        tokio::spawn(async move { client.fetch(fetch).await })
    });
    for call in calls.collect::<Vec<_>>() {
        let message = soon("an answer", call).await.unwrap().unwrap().into_inner();
        assert_eq!(message.body.len(), 4_000_000);
    }
}

#[tokio::test]
async fn many_who_catch_up_on_large_messages_take_turns() {
    let host = Host::with(|plan| plan.config.limits.sending_bytes = 2 << 20).await;
    let mut client = host.client().await;
    let large = "x".repeat(1_000_000);
    for _ in 0..5 {
        client.publish(kept("s", &large)).await.unwrap();
        client.publish(kept("s", "small")).await.unwrap();
    }
    let mut readers = Vec::new();
    for _ in 0..30 {
        let mut client = host.client().await;
        readers.push(tokio::spawn(async move {
            let mut messages = client.subscribe(subscribe("s")).await.unwrap().into_inner();
            for id in 1..=10 {
                let message = messages.message().await.unwrap().unwrap();
                assert_eq!(message.id, id);
                assert_eq!(message.body.len(), if id % 2 == 1 { 1_000_000 } else { 5 });
            }
        }));
    }
    for reader in readers {
        soon("all messages", reader).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_closed() {
    let host = Host::start().await;
    for begun in [&b""[..], b"PRI * HTTP/2.0"] {
        let mut stream = TcpStream::connect(host.address).await.unwrap();
        stream.write_all(begun).await.unwrap();
        let mut heard = Vec::new();
        soon("its end", stream.read_to_end(&mut heard)).await.unwrap();
        assert!(heard.is_empty());
    }
}
