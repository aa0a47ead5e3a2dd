//! Clients that do not read: the broker's memory stays in its budget, and other clients notice nothing.

use crate::{
    calls::{self, Client},
    launch::Launch,
    process::Broker,
    proxy::Proxy,
    waiting::{PATIENCE, timed, within},
};
use broker_proto::{MessageResponse, PublishBatch, PublishRequest};
use bytes::Bytes;
use std::time::Duration;
use tempfile::TempDir;
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::Streaming;

const MEMORY: u64 = 256 * 1024 * 1024;
/// The longest that one call of a well-behaved client may take beside the others.
const SLOWEST: Duration = Duration::from_secs(5);
const LARGE: usize = 3_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn stalled_readers_of_large_kept_messages() {
    const SUBJECTS: usize = 100;
    const CONNECTIONS: usize = 20;
    let (_folder, broker) = broker().await;
    let client = calls::connect(broker.address).await;
    for number in 0..SUBJECTS {
        let request = calls::kept(&format!("large {number}"), vec![number as u8; LARGE]);
        calls::publish(&client, request).await.expect("stored");
    }
    let mut stalled: Vec<Streaming<MessageResponse>> = Vec::new();
    for connection in 0..CONNECTIONS {
        let client = calls::connect(broker.address).await;
        // Other subjects on each connection: no two stalled readers share many bytes.
        for number in (0..SUBJECTS).skip(connection % 10).step_by(10) {
            let stream = calls::subscribe(&client, &format!("large {number}"), 0).await;
            stalled.push(stream.expect("a subscription"));
        }
        stays_in_budget(&broker);
    }
    others_are_well(&broker).await;
    drop(stalled.split_off(20));
    // All at once: on one connection, what one reader leaves unread can stand before the others.
    let readers = stalled.into_iter().enumerate().map(|(number, stream)| {
        let subject = format!("large {}", number / 10 + number % 10 * 10);
        tokio::spawn(read_at_last(client.clone(), subject, stream))
    });
    for reader in readers.collect::<Vec<_>>() {
        assert_eq!(within(PATIENCE, "a reader", reader).await.expect("no panic"), LARGE);
    }
    stays_in_budget(&broker);
}

#[tokio::test(flavor = "multi_thread")]
async fn stalled_listeners_of_a_flood() {
    const LISTENERS: usize = 100;
    const MESSAGES: u64 = 400;
    let (_folder, broker) = broker().await;
    let mut stalled = Vec::new();
    for _ in 0..LISTENERS {
        let client = calls::connect(broker.address).await;
        stalled.push(calls::subscribe(&client, "flood", 0).await.expect("a subscription"));
    }
    let reader = calls::connect(broker.address).await;
    let stream = calls::subscribe(&reader, "flood", 0).await.expect("a subscription");
    let counted = tokio::spawn(count(stream, MESSAGES));
    let publisher = calls::connect(broker.address).await;
    let body = Bytes::from(vec![7; 1_000_000]);
    for _ in 0..MESSAGES {
        let mut request = calls::kept("flood", body.clone());
        request.keep = false;
        calls::publish(&publisher, request).await.expect("delivered only");
        stays_in_budget(&broker);
    }
    // Tells the reader what it missed, if anything, at the end.
    calls::publish(&publisher, calls::kept("flood", "end")).await.expect("stored");
    let accounted = within(PATIENCE, "the reader's end", counted).await.expect("no panic");
    assert_eq!(accounted, MESSAGES, "received and missed");
    others_are_well(&broker).await;
    stays_in_budget(&broker);
}

/// Counts what a reader received or was told to have missed, up to the first stored message.
async fn count(mut stream: Streaming<MessageResponse>, most: u64) -> u64 {
    let mut accounted = 0;
    loop {
        let message = calls::next(&mut stream).await.expect("a message");
        accounted += message.missed;
        if message.id > 0 || accounted > most {
            return accounted;
        }
        accounted += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publishers_that_read_no_acknowledgement() {
    const PUBLISHERS: usize = 40;
    const BATCHES: usize = 20;
    let (_folder, broker) = broker().await;
    let mut held = Vec::new();
    for number in 0..PUBLISHERS {
        let mut client = calls::connect(broker.address).await;
        let (batches, receiver) = mpsc::channel(1);
        let stream = client.publish_stream(ReceiverStream::new(receiver));
        held.push(within(PATIENCE, "a stream", stream).await.expect("a stream"));
        let one = PublishRequest {
            subject: format!("unread {number}"),
            keep: true,
            ..Default::default()
        };
        let batch = PublishBatch { messages: vec![one; 20_000] };
        for _ in 0..BATCHES {
            // A broker that reads no further is what should come.
            let sent = timeout(Duration::from_millis(300), batches.send(batch.clone())).await;
            stays_in_budget(&broker);
            if sent.is_err() {
                break;
            }
        }
        // The stream stays open: its sender must not be dropped.
        tokio::spawn(async move { batches.closed().await });
    }
    others_are_well(&broker).await;
    stays_in_budget(&broker);
}

#[tokio::test(flavor = "multi_thread")]
async fn publishers_that_never_finish_a_message() {
    const PUBLISHERS: usize = 80;
    const SENT: u64 = 10_000_000;
    let (_folder, broker) = broker().await;
    let proxy = Proxy::cutting(broker.address, SENT).await;
    let mut batches = Vec::new();
    for number in 0..PUBLISHERS {
        let mut client = calls::connect(proxy.address).await;
        let messages = vec![calls::kept(&format!("half {number}"), vec![1; LARGE]); 5];
        let stream = tokio_stream::once(PublishBatch { messages }).chain(tokio_stream::pending());
        batches.push(tokio::spawn(async move { client.publish_stream(stream).await.map(drop) }));
        stays_in_budget(&broker);
    }
    others_are_well(&broker).await;
    stays_in_budget(&broker);
    batches.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_connections_and_streams() {
    const CONNECTIONS: usize = 500;
    const STREAMS: usize = 8;
    let (_folder, broker) = broker().await;
    let mut held: Vec<(Client, Vec<Streaming<MessageResponse>>)> = Vec::new();
    for connection in 0..CONNECTIONS {
        let client = calls::connect(broker.address).await;
        let mut streams = Vec::new();
        for stream in 0..STREAMS {
            let subject = format!("{connection}/{stream}");
            streams.push(calls::subscribe(&client, &subject, 0).await.expect("a subscription"));
        }
        held.push((client, streams));
    }
    stays_in_budget(&broker);
    others_are_well(&broker).await;
    stays_in_budget(&broker);
}

/// Reads the first message of a subject; who stood in the way for too long is told to come back, and
/// does. Answers its length.
async fn read_at_last(
    client: Client,
    subject: String,
    mut stream: Streaming<MessageResponse>,
) -> usize {
    loop {
        match calls::next(&mut stream).await {
            Err(status) if calls::reason(&status) == "OVERLOADED" => {
                let again = calls::subscribe(&client, &subject, 0).await;
                stream = again.expect("a subscription");
            }
            answer => return answer.expect("who reads at last gets it").body.len(),
        }
    }
}

async fn broker() -> (TempDir, Broker) {
    let folder = TempDir::new().expect("a folder");
    let broker = Broker::start(&Launch::local(folder.path())).await;
    (folder, broker)
}

fn stays_in_budget(broker: &Broker) {
    let memory = broker.anonymous_memory();
    assert!(memory < MEMORY, "{} MiB of anonymous memory", memory >> 20);
}

/// A client that behaves is served as if it were alone.
async fn others_are_well(broker: &Broker) {
    let (mut slowest, client) = (Duration::ZERO, calls::connect(broker.address).await);
    let mut live = calls::subscribe(&client, "others", 0).await.expect("a subscription");
    for number in 1..=50 {
        let (id, took) = timed(calls::publish(&client, calls::kept("others", "x"))).await;
        assert_eq!(id.expect("stored"), number);
        let (message, waited) = timed(calls::next(&mut live)).await;
        assert_eq!(message.expect("delivered").id, number);
        let (message, fetched) = timed(calls::fetch(&client, "others", number)).await;
        assert_eq!(message.expect("stored").id, number);
        for (call, time) in [("publish", took), ("delivery", waited), ("fetch", fetched)] {
            assert!(time < SLOWEST, "{call} {number} took {time:?} beside the abuse");
            slowest = slowest.max(time);
        }
    }
    println!("slowest call beside the abuse: {slowest:?}");
}
