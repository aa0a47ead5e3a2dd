//! A broker whose store another one may have taken over, or has.

use crate::support::{Host, batch, id_of, kept, message, raw, reason, soon};
use broker_proto::{FetchRequest, SubscribeRequest};
use broker_server::ServeError;
use broker_storage::{
    Operation,
    faulty::{Hold, WritePlan},
};
use std::time::{Duration, Instant};
use tokio_stream::StreamExt;
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

fn standby() -> (Code, String, bool) {
    (Code::Unavailable, "STANDBY".to_owned(), true)
}

fn subscribe(subject: &str) -> SubscribeRequest {
    SubscribeRequest { subject: subject.into(), ..SubscribeRequest::default() }
}

async fn page(host: &Host, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: broker\r\nConnection: close\r\n\r\n");
    raw::http1(host.admin, request.as_bytes()).await
}

#[tokio::test]
async fn a_fenced_broker_tells_everybody_acknowledges_nothing_and_ends_soon() {
    let host = Host::with(|plan| plan.config.limits.closing_notice = Duration::from_secs(5)).await;
    let mut client = host.client().await;
    let mut messages = client.subscribe(subscribe("s")).await.unwrap().into_inner();
    let open = tokio_stream::once(batch([kept("s", "x")])).chain(tokio_stream::pending());
    let mut acks = client.publish_stream(open).await.unwrap().into_inner();
    let first = soon("an ack", acks.message()).await.unwrap().unwrap();
    assert_eq!(first.results.iter().map(id_of).collect::<Vec<_>>(), [Some(1)]);
    assert_eq!(soon("a message", messages.message()).await.unwrap().unwrap().id, 1);
    let mut health = HealthClient::new(host.channel().await);
    let mut states = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    let told = soon("a state", states.message()).await.unwrap().unwrap();
    assert_eq!(told.status(), ServingStatus::Serving);
    host.script
        .every_write(Operation::Append, WritePlan { hold: Hold::Answer, ..WritePlan::default() });
    let mut second = client.clone();
    let under_way = tokio::spawn(async move { second.publish(kept("t", "y")).await });
    host.store.wait_held(1).await;

    let begun = Instant::now();
    host.store.fence("epoch 8 is over");
    let unknown = soon("an answer", under_way).await.unwrap().unwrap_err();
    assert_eq!(reason(&unknown), (Code::DeadlineExceeded, "OUTCOME_UNKNOWN".into(), false));
    host.store.release_all();
    assert_eq!(reason(&soon("the end", messages.message()).await.unwrap_err()), standby());
    assert_eq!(reason(&soon("the end", acks.message()).await.unwrap_err()), standby());
    let told = soon("a state", states.message()).await.unwrap().unwrap();
    assert_eq!(told.status(), ServingStatus::NotServing);
    // The port is open until clients had time to hear it.
    let mut late = host.client().await;
    assert_eq!(reason(&late.publish(message("s", "x")).await.unwrap_err()), standby());
    let fetch = FetchRequest { subject: "s".into(), id: 1 };
    assert_eq!(reason(&late.fetch(fetch).await.unwrap_err()), standby());
    assert_eq!(reason(&late.subscribe(subscribe("s")).await.unwrap_err()), standby());
    let sent = tokio_stream::once(batch([kept("s", "x")]));
    assert_eq!(reason(&late.publish_stream(sent).await.unwrap_err()), standby());
    for path in ["/healthz", "/readyz"] {
        let page = page(&host, path).await;
        assert!(page.starts_with("HTTP/1.1 503") && page.contains("fenced"), "{page}");
    }
    assert!(page(&host, "/livez").await.starts_with("HTTP/1.1 200"));
    let Err(ServeError::Fenced(why)) = host.left().await else { panic!("it was fenced") };
    assert_eq!(&*why, "epoch 8 is over");
    assert!(begun.elapsed() < Duration::from_secs(20), "far below the grace time");
}

#[tokio::test]
async fn in_doubt_it_is_not_ready_and_calls_may_be_sent_again() {
    let mut host = Host::start().await;
    let mut client = host.client().await;
    client.publish(kept("s", "x")).await.unwrap();
    host.store.doubt(true);
    let away = (Code::Unavailable, "STORAGE_UNAVAILABLE".to_owned(), true);
    assert_eq!(reason(&client.publish(message("s", "x")).await.unwrap_err()), away);
    let fetch = || FetchRequest { subject: "s".into(), id: 1 };
    assert_eq!(reason(&client.fetch(fetch()).await.unwrap_err()), away);
    assert_eq!(reason(&client.subscribe(subscribe("s")).await.unwrap_err()), away);
    let sent = tokio_stream::once(batch([kept("s", "x")]));
    let mut acks = client.publish_stream(sent).await.unwrap().into_inner();
    let ack = soon("an ack", acks.message()).await.unwrap().unwrap();
    assert_eq!(reason(&crate::support::problem(&ack.results[0])), away);
    assert!(page(&host, "/readyz").await.starts_with("HTTP/1.1 503"));
    let mut health = HealthClient::new(host.channel().await);
    let told = health.check(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(told.status(), ServingStatus::NotServing);
    host.store.doubt(false);
    assert!(page(&host, "/readyz").await.starts_with("HTTP/1.1 200"));
    assert!(client.fetch(fetch()).await.is_ok());
    host.leave();
    host.left().await.unwrap();
}

#[tokio::test]
async fn who_loses_the_store_while_leaving_says_so_at_the_end() {
    let mut host = Host::start().await;
    host.script
        .every_write(Operation::Append, WritePlan { hold: Hold::Answer, ..WritePlan::default() });
    let mut client = host.client().await;
    let under_way = tokio::spawn(async move { client.publish(kept("t", "y")).await });
    host.store.wait_held(1).await;
    host.leave();
    crate::support::until("the order", || host.broker.try_submit(Vec::new()).is_err()).await;
    host.store.fence("taken over");
    let unknown = soon("an answer", under_way).await.unwrap().unwrap_err();
    assert_eq!(reason(&unknown).1, "OUTCOME_UNKNOWN");
    assert!(matches!(host.left().await, Err(ServeError::Fenced(_))));
}
