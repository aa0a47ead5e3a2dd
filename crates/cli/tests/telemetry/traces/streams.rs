//! Publish streams: what is read at once is traced at once.

use super::scene::{Scene, fresh, parent, with};
use crate::{
    calls::{kept, next},
    launch::Launch,
    waiting::{PATIENCE, within},
};
use broker_proto::{PublishBatch, PublishRequest};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};

fn carrying(subject: &str, header: &str) -> PublishRequest {
    let headers = [("traceparent".to_owned(), header.to_owned())].into();
    PublishRequest { headers, ..kept(subject, "body") }
}

/// Publishes one batch over a stream of its own, and waits for the answers to all.
async fn publish_stream(scene: &Scene, messages: Vec<PublishRequest>, parent: Option<&str>) {
    let size = messages.len();
    let (batches, sent) = tokio::sync::mpsc::channel(1);
    batches.send(PublishBatch { messages }).await.unwrap();
    let sent = ReceiverStream::new(sent);
    let mut client = scene.client.clone();
    let acks = client.publish_stream(with(sent, parent));
    let mut acks = within(PATIENCE, "a stream", acks).await.unwrap().into_inner();
    let mut results = 0;
    while results < size {
        results += within(PATIENCE, "an ack", acks.next()).await.unwrap().unwrap().results.len();
    }
    drop(batches);
    assert!(within(PATIENCE, "the stream's end", acks.next()).await.is_none());
}

#[tokio::test]
async fn a_message_s_own_header_is_its_parent() {
    let scene = Scene::start(Launch::memory(), "0").await;
    let mut subscription = scene.subscribe("s", 0).await;
    let (sampled, unsampled) = (fresh(), fresh());
    let messages = vec![
        carrying("s", &parent(&sampled, true)),
        kept("s", "plain"),
        carrying("s", &parent(&unsampled, false)),
    ];
    publish_stream(&scene, messages, None).await;
    for _ in 0..3 {
        next(&mut subscription).await.unwrap();
    }
    let names = ["submission", "publish", "shard", "append", "commit", "deliver"];
    let trace = scene.trace(&sampled.0, &names).await;
    let (submission, _) = trace.only("submission");
    assert_eq!(trace.spans[submission].parent.as_deref(), Some(sampled.1.as_str()));
    let (commit, _) = trace.only("commit");
    assert_eq!(trace.way_up(commit), ["commit", "append", "shard", "publish", "submission"]);
    let (_, delivery) = trace.only("deliver");
    assert_eq!(delivery.parent.as_deref(), Some(sampled.1.as_str()));
    // The other two left no trace.
    assert_eq!(scene.ids("deliver").await.len(), 1);
    assert_eq!(scene.ids("publish").await.len(), 1);
}

#[tokio::test]
async fn a_stream_within_a_trace_has_its_submissions_there() {
    let scene = Scene::start(Launch::memory(), "0").await;
    let mut subscription = scene.subscribe("s", 0).await;
    let (stream, publisher) = (fresh(), fresh());
    let messages = vec![kept("s", "plain"), carrying("s", &parent(&publisher, true))];
    publish_stream(&scene, messages, Some(&parent(&stream, true))).await;
    for _ in 0..2 {
        next(&mut subscription).await.unwrap();
    }
    let rpc = "broker.Broker/PublishStream";
    let names = [rpc, "submission", "publish", "shard", "append", "commit", "deliver"];
    let trace = scene.trace(&stream.0, &names).await;
    let (commit, _) = trace.only("commit");
    let way = ["commit", "append", "shard", "publish", "submission", rpc];
    assert_eq!(trace.way_up(commit), way);
    let (submission, _) = trace.only("submission");
    assert_eq!(trace.spans[submission].links, std::slice::from_ref(&publisher));
    assert_eq!(trace.only("deliver").1.parent.as_deref(), Some(submission));
    let own = scene.trace(&publisher.0, &["deliver"]).await;
    assert_eq!(own.only("deliver").1.links, [publisher]);
}

#[tokio::test]
async fn a_stream_whose_caller_records_nothing_leaves_no_trace() {
    let scene = Scene::start(Launch::memory(), "1").await;
    let quiet = fresh();
    publish_stream(&scene, vec![kept("s", "body")], Some(&parent(&quiet, false))).await;
    // Later, and seen: so the other was not only late.
    let loud = fresh();
    publish_stream(&scene, vec![kept("s", "body")], Some(&parent(&loud, true))).await;
    let names =
        ["broker.Broker/PublishStream", "submission", "publish", "shard", "append", "commit"];
    scene.trace(&loud.0, &names).await;
    assert!(scene.look(&quiet.0).await.spans.is_empty());
    assert_eq!(scene.ids("commit").await.len(), 1);
}

#[tokio::test]
async fn what_was_submitted_at_once_is_delivered_in_one_span() {
    const MESSAGES: usize = 50;
    let scene = Scene::start(Launch::memory(), "0").await;
    let mut subscription = scene.subscribe("s", 0).await;
    let stream = fresh();
    let messages = vec![kept("s", "body"); MESSAGES];
    publish_stream(&scene, messages, Some(&parent(&stream, true))).await;
    for _ in 0..MESSAGES {
        next(&mut subscription).await.unwrap();
    }
    let rpc = "broker.Broker/PublishStream";
    let names = [rpc, "submission", "publish", "shard", "append", "commit", "deliver"];
    let trace = scene.trace(&stream.0, &names).await;
    let (_, delivery) = trace.only("deliver");
    assert_eq!(delivery.tags["messaging.batch.message_count"], MESSAGES.to_string());
    assert_eq!(delivery.tags["messaging.message.id"], "1");
}
