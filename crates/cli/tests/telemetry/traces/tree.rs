//! One publish and its delivery, over each store.

use super::{
    scene::{Scene, fresh, parent},
    view::{CLIENT, PRODUCER, SERVER, Trace},
};
use crate::{
    calls::{kept, next},
    database::Kind,
    launch::Launch,
};

const RPC: &str = "broker.Broker/Publish";

#[tokio::test]
async fn a_publish_and_its_delivery_are_one_trace_over_memory() {
    one_trace(Launch::memory(), None, &[]).await;
}

#[tokio::test]
async fn a_publish_and_its_delivery_are_one_trace_over_the_local_disk() {
    let folder = tempfile::tempdir().unwrap();
    one_trace(Launch::local(folder.path()), None, &["written", "synced"]).await;
}

#[tokio::test]
async fn a_publish_and_its_delivery_are_one_trace_over_postgres() {
    let launch = Kind::Postgres.launch(Kind::Postgres.shared());
    one_trace(launch, Some("postgresql"), &["sent", "answered"]).await;
}

#[tokio::test]
async fn a_publish_and_its_delivery_are_one_trace_over_cassandra() {
    let launch = Kind::Cassandra.launch(Kind::Cassandra.shared());
    one_trace(launch, Some("cassandra"), &["sent", "answered"]).await;
}

async fn one_trace(launch: Launch, database: Option<&str>, waits: &[&str]) {
    let scene = Scene::start(launch, "0").await;
    let mut subscription = scene.subscribe("orders", 0).await;
    let caller = fresh();
    let answer = scene.publish(kept("orders", "body"), Some(&parent(&caller, true))).await;
    assert_eq!(next(&mut subscription).await.unwrap().id, answer.get_ref().id);
    let names = [RPC, "publish", "shard", "append", "commit", "deliver"];
    let trace = scene.trace(&caller.0, &names).await;

    let (rpc_id, rpc) = trace.only(RPC);
    assert_eq!(rpc.parent.as_deref(), Some(caller.1.as_str()));
    let told = answer.metadata().get("traceparent").unwrap().to_str().unwrap();
    assert_eq!(told, format!("00-{}-{rpc_id}-01", caller.0));
    let (commit_id, commit) = trace.only("commit");
    assert_eq!(trace.way_up(commit_id), ["commit", "append", "shard", "publish", RPC]);
    let (shard_id, shard) = trace.only("shard");
    assert_eq!(commit.links, [(caller.0.clone(), shard_id.to_owned())]);
    assert_eq!(commit.notes, waits);
    assert_eq!(commit.tags.get("db.system.name").map(String::as_str), database);
    assert_eq!(commit.kind == CLIENT, database.is_some());
    assert_eq!(commit.tags["db.operation.batch.size"], "1");
    assert_eq!(trace.only("publish").1.notes, ["queued", "taken"]);
    assert_eq!(shard.notes, ["released"]);

    let (_, delivery) = trace.only("deliver");
    assert_eq!(delivery.parent.as_deref(), Some(rpc_id));
    assert_eq!(delivery.links, [(caller.0.clone(), rpc_id.to_owned())]);
    assert_eq!(delivery.tags["messaging.destination.name"], "orders");
    assert_eq!(delivery.tags["messaging.message.id"], answer.get_ref().id.to_string());
    assert_eq!((delivery.kind, rpc.kind), (PRODUCER, SERVER));
    assert_eq!(rpc.tags["rpc.grpc.status_code"], "0");
    is_bare(&trace);
    is_nested(&trace, commit_id);
    fetch(&scene, answer.get_ref().id).await;
    // What is noted at spans is no line of the log.
    for line in scene.broker.log.lines() {
        assert!(!line.contains("\"queued\"") && !line.contains("\"released\""), "{line}");
    }
    let ready = scene.broker.log.find(|line| line.contains("tracer ready").then(|| line.clone()));
    assert!(ready.unwrap().contains(&scene.jaeger.endpoint()));
}

/// All of a trace is this service's, and no span has a body or an error.
fn is_bare(trace: &Trace) {
    for span in trace.spans.values() {
        assert_eq!(span.service, "broker");
        assert!(!span.is_error && span.tags.values().all(|value| value != "body"), "{span:?}");
    }
}

/// From a span up, each lies within its parent.
fn is_nested(trace: &Trace, id: &str) {
    let mut child = &trace.spans[id];
    while let Some(parent) = child.parent.as_ref().and_then(|parent| trace.spans.get(parent)) {
        let ([begins, ends], [begun, ended]) = (child.time, parent.time);
        assert!(begun <= begins && begins <= ends && ends <= ended, "{child:#?} in {parent:#?}");
        child = parent;
    }
}

async fn fetch(scene: &Scene, id: u64) {
    let caller = fresh();
    let request = broker_proto::FetchRequest { subject: "orders".into(), id };
    let mut client = scene.client.clone();
    client.fetch(super::scene::with(request, Some(&parent(&caller, true)))).await.unwrap();
    let names = ["broker.Broker/Fetch", "fetch", "lookup"];
    let trace = scene.trace(&caller.0, &names).await;
    let (lookup, _) = trace.only("lookup");
    assert_eq!(trace.way_up(lookup), ["lookup", "fetch", "broker.Broker/Fetch"]);
    is_nested(&trace, lookup);
    assert_eq!(trace.only("fetch").1.tags["outcome"], "found");
}

#[tokio::test]
async fn a_call_that_is_refused_has_its_code_and_no_error_of_the_server() {
    let scene = Scene::start(Launch::memory(), "0").await;
    let caller = fresh();
    let request = broker_proto::FetchRequest { subject: "orders".into(), id: 7 };
    let mut client = scene.client.clone();
    let refused = client.fetch(super::scene::with(request, Some(&parent(&caller, true)))).await;
    let status = refused.unwrap_err();
    assert!(status.metadata().get("traceparent").is_some(), "{status:?}");
    let names = ["broker.Broker/Fetch", "fetch", "lookup"];
    let trace = scene.trace(&caller.0, &names).await;
    let (_, rpc) = trace.only("broker.Broker/Fetch");
    assert_eq!(rpc.tags["rpc.grpc.status_code"], "3");
    assert!(!rpc.is_error, "{rpc:?}");
    assert_eq!(trace.only("fetch").1.tags["outcome"], "message was never published");
}
