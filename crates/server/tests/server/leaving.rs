//! The way out: everybody hears it, nothing that was accepted is lost, nothing hangs.

use crate::support::{Client, Host, batch, id_of, kept, message, reason, soon};
use broker_proto::{FetchRequest, MessageResponse, PublishAck, SubscribeRequest};
use broker_server::ServeError;
use broker_storage::{
    Operation,
    faulty::{Hold, WritePlan},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::mpsc;
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::{Code, Streaming};

fn closing() -> (Code, String, bool) {
    (Code::Unavailable, "BROKER_CLOSING".to_owned(), true)
}

fn subscribe(subject: &str) -> SubscribeRequest {
    SubscribeRequest { subject: subject.into(), ..SubscribeRequest::default() }
}

#[tokio::test]
async fn everybody_hears_it() {
    let mut host =
        Host::with(|plan| plan.config.limits.closing_notice = Duration::from_secs(2)).await;
    let mut client = host.client().await;
    let mut messages = client.subscribe(subscribe("s")).await.unwrap().into_inner();
    let open = tokio_stream::once(batch([kept("s", "x")])).chain(tokio_stream::pending());
    let mut acks = client.publish_stream(open).await.unwrap().into_inner();
    assert!(soon("an ack", acks.message()).await.unwrap().is_some());
    assert_eq!(soon("a message", messages.message()).await.unwrap().unwrap().id, 1);
    host.leave();
    assert_eq!(reason(&soon("the end", messages.message()).await.unwrap_err()), closing());
    assert_eq!(reason(&soon("the end", acks.message()).await.unwrap_err()), closing());
    // The port is still open, for new connections too.
    let mut late = host.client().await;
    assert_eq!(reason(&late.publish(kept("s", "x")).await.unwrap_err()), closing());
    let fetch = FetchRequest { subject: "s".into(), id: 1 };
    assert_eq!(reason(&late.fetch(fetch).await.unwrap_err()), closing());
    assert_eq!(reason(&late.subscribe(subscribe("s")).await.unwrap_err()), closing());
    let sent = tokio_stream::once(batch([kept("s", "x")]));
    assert_eq!(reason(&late.publish_stream(sent).await.unwrap_err()), closing());
    let address = host.address;
    host.left().await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "the port is closed");
}

#[tokio::test]
async fn what_was_accepted_is_answered_before_the_end() {
    let mut host = Host::start().await;
    host.script
        .every_write(Operation::Append, WritePlan { hold: Hold::Start, ..WritePlan::default() });
    let mut client = host.client().await;
    let open = tokio_stream::once(batch([kept("s", "a"), kept("s", "b")]));
    let sent = open.chain(tokio_stream::pending());
    let mut acks = client.publish_stream(sent).await.unwrap().into_inner();
    let mut second = client.clone();
    host.store.wait_held(1).await;
    let unary = tokio::spawn(async move { second.publish(kept("t", "c")).await });
    host.store.wait_held(2).await;
    host.leave();
    host.script.clear();
    host.store.release_all();
    let results = soon("an ack", acks.message()).await.unwrap().unwrap().results;
    assert_eq!(results.iter().map(id_of).collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert_eq!(reason(&soon("the end", acks.message()).await.unwrap_err()), closing());
    assert_eq!(soon("an answer", unary).await.unwrap().unwrap().into_inner().id, 1);
    host.left().await.unwrap();
}

/// Messages that were acknowledged: how many, and the highest id.
#[derive(Default)]
struct Acknowledged {
    count: AtomicU64,
    highest: AtomicU64,
}

impl Acknowledged {
    fn add(&self, id: u64) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.highest.fetch_max(id, Ordering::Relaxed);
    }
}

/// Publishes one by one until it is refused.
async fn publish(mut client: Client, acknowledged: Arc<Acknowledged>) {
    let end = loop {
        match client.publish(kept("s", "x")).await {
            Ok(response) => acknowledged.add(response.into_inner().id),
            Err(end) => break end,
        };
    };
    assert_eq!(reason(&end), closing());
}

/// Publishes on a stream until that ends.
async fn pipeline(mut acks: Streaming<PublishAck>, acknowledged: Arc<Acknowledged>) {
    let end = loop {
        match acks.message().await {
            Ok(Some(ack)) => {
                ack.results.iter().filter_map(id_of).for_each(|id| acknowledged.add(id));
            }
            Ok(None) => panic!("it did not half-close"),
            Err(end) => break end,
        }
    };
    assert_eq!(reason(&end), closing());
}

/// Reads, without a hole, until the subscription ends.
async fn follow(mut messages: Streaming<MessageResponse>) {
    let mut last = 0;
    let end = loop {
        match messages.message().await {
            Ok(Some(message)) => {
                assert_eq!(message.id, last + 1);
                last = message.id;
            }
            Ok(None) => panic!("a subscription has no good end"),
            Err(end) => break end,
        }
    };
    assert_eq!(reason(&end), closing());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_no_call_hangs_and_all_that_was_stored_was_answered() {
    // Long enough for every client to have its turn on a busy machine before the port closes.
    let notice = Duration::from_secs(5);
    let mut host = Host::with(|plan| plan.config.limits.closing_notice = notice).await;
    let acknowledged = Arc::new(Acknowledged::default());
    let mut tasks = Vec::new();
    for _ in 0..3 {
        let mut client = host.client().await;
        let messages = client.subscribe(subscribe("s")).await.unwrap().into_inner();
        tasks.push(tokio::spawn(follow(messages)));
        let (sender, receiver) = mpsc::channel(8);
        let acks = client.publish_stream(ReceiverStream::new(receiver)).await.unwrap();
        tasks.push(tokio::spawn(pipeline(acks.into_inner(), acknowledged.clone())));
        tokio::spawn(
            async move { while sender.send(batch(vec![kept("s", "x"); 10])).await.is_ok() {} },
        );
    }
    for _ in 0..3 {
        tasks.push(tokio::spawn(publish(host.client().await, acknowledged.clone())));
    }
    crate::support::until("some load", || acknowledged.count.load(Ordering::Relaxed) > 5_000).await;
    host.leave();
    for task in tasks {
        soon("the end of every call", task).await.unwrap();
    }
    // What was numbered was answered, to the last one.
    let count = acknowledged.count.load(Ordering::Relaxed);
    assert_eq!(acknowledged.highest.load(Ordering::Relaxed), count);
    host.left().await.unwrap();
}

#[tokio::test]
async fn what_does_not_end_is_cut_within_the_grace_time() {
    let mut host = Host::with(|plan| plan.config.grace = Duration::from_millis(600)).await;
    host.script
        .every_write(Operation::Append, WritePlan { hold: Hold::Start, ..WritePlan::default() });
    let mut client = host.client().await;
    let stuck = tokio::spawn(async move { client.publish(kept("s", "x")).await });
    host.store.wait_held(1).await;
    let begun = std::time::Instant::now();
    host.leave();
    let store = host.store.clone();
    assert!(matches!(host.left().await, Err(ServeError::Grace(_))));
    assert!(begun.elapsed() < Duration::from_secs(10));
    soon("the end of the call", stuck).await.unwrap().unwrap_err();
    store.release_all();
}

#[tokio::test]
async fn a_client_that_reads_nothing_does_not_hold_it_up() {
    let mut host = Host::with(|plan| plan.config.grace = Duration::from_secs(2)).await;
    let mut client = host.client().await;
    for _ in 0..50 {
        client.publish(kept("s", &"x".repeat(100_000))).await.unwrap();
    }
    let _unread = client.subscribe(subscribe("s")).await.unwrap();
    let _idle = host.channel().await;
    client.publish(message("s", "x")).await.unwrap();
    host.leave();
    // It is cut when the time is up.
    assert!(matches!(host.left().await, Err(ServeError::Grace(_))));
}
