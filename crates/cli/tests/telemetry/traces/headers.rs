//! Messages that carry the trace of their publish.

use super::scene::{Scene, fresh, parent};
use crate::{
    calls::{kept, next},
    launch::Launch,
};
use broker_proto::PublishRequest;
use std::time::{SystemTime, UNIX_EPOCH};

const KEY: &str = "traceparent";

#[tokio::test]
async fn a_traced_message_carries_its_publish_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::local(folder.path()).with("--trace-headers", "true");
    let scene = Scene::start(launch, "0").await;
    let mut live = scene.subscribe("s", 0).await;
    let caller = fresh();
    let mut request = kept("s", "traced");
    request.headers.insert("kind".into(), "order".into());
    let answer = scene.publish(request, Some(&parent(&caller, true))).await;
    let told = answer.metadata().get(KEY).unwrap().to_str().unwrap().to_owned();
    scene.publish(kept("s", "untraced"), Some(&parent(&fresh(), false))).await;
    let traced = next(&mut live).await.unwrap();
    assert_eq!((traced.headers.len(), &*traced.headers["kind"]), (2, "order"));
    assert_eq!(traced.headers[KEY], told);
    assert!(next(&mut live).await.unwrap().headers.is_empty());

    // Who reads it from the store is in the trace, too, and linked to the subscription's own.
    let reader = fresh();
    let mut replay = scene.subscribe_within("s", &parent(&reader, true)).await;
    assert_eq!(next(&mut replay).await.unwrap().headers[KEY], told);
    // Its call is as long as it stands.
    let until = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    drop(replay);
    let publish = "broker.Broker/Publish";
    let names = [publish, "publish", "shard", "append", "commit", "deliver", "deliver"];
    let trace = scene.trace(&caller.0, &names).await;
    let (rpc, _) = trace.only(publish);
    let reading = scene.trace(&reader.0, &["broker.Broker/Subscribe"]).await;
    let (subscription, call) = reading.only("broker.Broker/Subscribe");
    assert!(u128::from(call.time[1]) >= until, "{call:#?} until {until}");
    for (_, delivery) in trace.named("deliver") {
        assert_eq!(delivery.parent.as_deref(), Some(rpc));
        assert_eq!(delivery.links[0], (caller.0.clone(), rpc.to_owned()));
    }
    let linked = (reader.0, subscription.to_owned());
    let links = trace.named("deliver").into_iter().filter(|(_, span)| span.links.contains(&linked));
    assert_eq!(links.count(), 1);
}

#[tokio::test]
async fn a_header_of_the_publisher_s_own_stays() {
    let scene = Scene::start(Launch::memory().with("--trace-headers", "true"), "0").await;
    let mut live = scene.subscribe("s", 0).await;
    let (caller, publisher) = (fresh(), fresh());
    for header in [parent(&publisher, true), parent(&publisher, false), "nothing".into()] {
        let headers = [(KEY.to_owned(), header.clone())].into();
        let request = PublishRequest { headers, ..kept("s", "body") };
        scene.publish(request, Some(&parent(&caller, true))).await;
        assert_eq!(next(&mut live).await.unwrap().headers[KEY], header);
    }
    // Delivered in its publisher's trace, and only where that records it.
    let trace = scene.trace(&publisher.0, &["deliver"]).await;
    assert_eq!(trace.only("deliver").1.parent, Some(publisher.1));
}

#[tokio::test]
async fn a_message_without_room_for_it_goes_without() {
    let scene = Scene::start(Launch::memory().with("--trace-headers", "true"), "1").await;
    let mut live = scene.subscribe("s", 0).await;
    // The largest body of a message to this subject: what encodes the rest takes 12 bytes.
    let largest = 4_193_280 - 12;
    for size in [largest, largest - 1_000] {
        scene.publish(kept("s", vec![7; size]), None).await;
        let message = next(&mut live).await.unwrap();
        assert_eq!(message.body.len(), size);
        assert_eq!(message.headers.contains_key(KEY), size < largest);
    }
    let full = PublishRequest {
        headers: (0..1_024).map(|n| (n.to_string(), String::new())).collect(),
        ..kept("s", "body")
    };
    scene.publish(full, None).await;
    assert_eq!(next(&mut live).await.unwrap().headers.len(), 1_024);
}

#[tokio::test]
async fn nobody_is_told_unless_asked() {
    let scene = Scene::start(Launch::memory(), "1").await;
    let mut live = scene.subscribe("s", 0).await;
    let answer = scene.publish(kept("s", "body"), None).await;
    assert!(answer.metadata().contains_key(KEY));
    assert!(next(&mut live).await.unwrap().headers.is_empty());
}
