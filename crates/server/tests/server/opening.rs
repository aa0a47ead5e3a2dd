//! A broker that waits for its database or for another broker's end, and takes over.

use crate::support::{Client, Waiting, batch, kept, raw, reason, soon, until};
use broker_proto::{FetchRequest, SubscribeRequest};
use broker_server::ServeError;
use futures_util::FutureExt;
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

type Reason = (Code, String, bool);

fn unavailable(reason: &str) -> Reason {
    (Code::Unavailable, reason.to_owned(), true)
}

/// What the four calls are answered with.
async fn four_calls(client: &mut Client) -> [Reason; 4] {
    let subscribe = SubscribeRequest { subject: "s".into(), ..SubscribeRequest::default() };
    let stream = tokio_stream::once(batch([kept("s", "x")]));
    let fetch = FetchRequest { subject: "s".into(), id: 1 };
    [
        soon("an answer", client.publish(kept("s", "x"))).await.unwrap_err(),
        soon("an answer", client.fetch(fetch)).await.unwrap_err(),
        soon("an answer", client.subscribe(subscribe)).await.unwrap_err(),
        soon("an answer", client.publish_stream(stream)).await.unwrap_err(),
    ]
    .map(|status| reason(&status))
}

/// An operator's calls: status and reason.
async fn operator(waiting: &Waiting, path: &str) -> (u16, String) {
    let head = format!("POST {path} HTTP/1.1\r\nHost: b\r\nConnection: close\r\n");
    let rest = "Content-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"subject\":\"s\"}";
    let answer = raw::http1(waiting.admin, (head + rest).as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let value: serde_json::Value = serde_json::from_str(body).unwrap();
    let reason = value["error"]["reason"].as_str().unwrap_or_default().to_owned();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), reason)
}

async fn status(waiting: &Waiting) -> ServingStatus {
    let mut health = HealthClient::new(waiting.channel().await);
    let request = HealthCheckRequest { service: "broker.Broker".into() };
    soon("an answer", health.check(request)).await.unwrap().into_inner().status()
}

#[tokio::test]
async fn while_it_is_starting_calls_wait_and_are_answered_when_it_is_open() {
    let mut waiting = Waiting::start().await;
    let mut client = Client::new(waiting.endpoint().connect_lazy());
    let mut call = client.publish(kept("s", "x")).boxed();
    assert_eq!(waiting.page("/livez").await, (200, "alive\n".into()));
    for path in ["/healthz", "/readyz"] {
        assert_eq!(waiting.page(path).await, (503, "starting\n".into()));
    }
    assert_eq!(operator(&waiting, "/v1/count").await, (503, "STARTING".into()));
    assert!((&mut call).now_or_never().is_none());
    waiting.open(&[]).await;
    assert_eq!(soon("an answer", call).await.unwrap().into_inner().id, 1);
    waiting.leave().await.unwrap();
}

#[tokio::test]
async fn while_the_database_is_away_every_call_hears_it() {
    let waiting = Waiting::start().await;
    waiting.opening.away("db1:5432: connection refused");
    let mut client = waiting.client().await;
    let told = four_calls(&mut client).await;
    assert_eq!(told, [(); 4].map(|()| unavailable("STORAGE_UNAVAILABLE")));
    assert_eq!(status(&waiting).await, ServingStatus::NotServing);
    assert_eq!(waiting.page("/livez").await.0, 200);
    for path in ["/healthz", "/readyz"] {
        let told = (503, "away: db1:5432: connection refused\n".into());
        assert_eq!(waiting.page(path).await, told);
    }
    for path in ["/v1/subjects", "/v1/count", "/v1/purge"] {
        assert_eq!(operator(&waiting, path).await, (503, "STORAGE_UNAVAILABLE".into()));
    }
    waiting.leave().await.unwrap();
}

#[tokio::test]
async fn a_standby_says_so_is_well_and_takes_over_on_the_same_connections() {
    let mut waiting = Waiting::start().await;
    waiting.opening.standing_by("host-a, process 7");
    let mut client = waiting.client().await;
    let mut health = HealthClient::new(waiting.channel().await);
    let mut states = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    let told = soon("a state", states.message()).await.unwrap().unwrap();
    assert_eq!(told.status(), ServingStatus::NotServing);
    assert_eq!(four_calls(&mut client).await, [(); 4].map(|()| unavailable("STANDBY")));
    let page = "standing by: host-a, process 7\n";
    assert_eq!(waiting.page("/healthz").await, (200, page.into()));
    assert_eq!(waiting.page("/readyz").await, (503, page.into()));
    assert_eq!(operator(&waiting, "/v1/purge").await, (503, "STANDBY".into()));

    // Its own view of the database comes and goes.
    waiting.opening.away("no route");
    assert_eq!(waiting.page("/healthz").await.0, 503);
    assert_eq!(four_calls(&mut client).await[0], unavailable("STORAGE_UNAVAILABLE"));
    waiting.opening.standing_by("host-a, process 7");
    assert_eq!(waiting.page("/healthz").await.0, 200);

    let broker = waiting.open(&["batches are acknowledged too early"]).await;
    let told = soon("a state", states.message()).await.unwrap().unwrap();
    assert_eq!(told.status(), ServingStatus::Serving);
    assert_eq!(client.publish(kept("s", "x")).await.unwrap().into_inner().id, 1);
    let subscribe = SubscribeRequest { subject: "s".into(), ..SubscribeRequest::default() };
    let mut messages = client.subscribe(subscribe).await.unwrap().into_inner();
    assert_eq!(soon("a message", messages.message()).await.unwrap().unwrap().id, 1);
    assert_eq!(broker.subscribers(), 1);
    assert_eq!(operator(&waiting, "/v1/count").await, (200, String::new()));
    assert_eq!(waiting.page("/healthz").await, (200, "serving\n".into()));
    let page = "serving\nbatches are acknowledged too early\n";
    assert_eq!(waiting.page("/readyz").await, (200, page.into()));
    // What is said too late changes nothing.
    waiting.opening.away("late");
    assert_eq!(status(&waiting).await, ServingStatus::Serving);
    waiting.leave().await.unwrap();
}

#[tokio::test]
async fn an_order_to_leave_ends_a_server_that_waits() {
    let waits: [fn(&Waiting); 3] =
        [|_| {}, |it| it.opening.away("no route"), |it| it.opening.standing_by("host-a")];
    for wait in waits {
        let waiting = Waiting::start().await;
        wait(&waiting);
        // It holds a connection, which is accepted or waits to be.
        let client = tokio::net::TcpStream::connect(waiting.address).await.unwrap();
        let (address, begun) = (waiting.address, std::time::Instant::now());
        waiting.leave().await.unwrap();
        assert!(begun.elapsed() < std::time::Duration::from_secs(10), "far below the grace time");
        assert!(tokio::net::TcpStream::connect(address).await.is_err(), "the port is closed");
        drop(client);
    }
}

#[tokio::test]
async fn a_broker_that_cannot_be_opened_ends_the_server_with_why() {
    let mut waiting = Waiting::start().await;
    waiting.opening.away("no route");
    let mut client = waiting.client().await;
    assert_eq!(four_calls(&mut client).await[0], unavailable("STORAGE_UNAVAILABLE"));
    waiting.fail("the database was not there for 60 s");
    let address = waiting.address;
    let Err(ServeError::Opening(why)) = waiting.ended().await else { panic!("it was not open") };
    assert_eq!(why, "the database was not there for 60 s");
    until("the end of the port", || std::net::TcpStream::connect(address).is_err()).await;
}
