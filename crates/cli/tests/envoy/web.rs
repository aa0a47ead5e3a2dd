//! gRPC-Web at the edge: pages of a listed origin call, others get nothing.

use crate::{
    broker, calls,
    waiting::{PATIENCE, within},
};
use broker_test_servers::{Envoy, envoy::Setup};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use tokio::net::TcpStream;

const PAGE: &str = "https://app.example";
const PUBLISH: &str = "/broker.Broker/Publish";

/// `PublishRequest {subject: "a", keep: true}` in gRPC's frame.
const REQUEST: &[u8] = b"\0\0\0\0\x05\x0a\x01a\x28\x01";

/// With pages let in, by the example in the file.
pub fn for_pages(setup: Setup) -> Setup {
    let example = "{safe_regex: {regex: \"https://(app|shop)\\\\.example\"}}";
    assert!(setup.text().contains(&format!("# {example}.\n")), "the file has another example");
    setup.with("&origins {exact: none}", &format!("&origins {example}"))
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Sends a request as a browser would.
async fn send(address: SocketAddr, method: Method, headers: &[(&str, &str)]) -> Answer {
    let mut request =
        Request::builder().method(method).uri(PUBLISH).header("host", "broker.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from_static(REQUEST))).expect("a request");
    within(PATIENCE, "an answer", async {
        let socket = TcpStream::connect(address).await.expect("it listens");
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.expect("HTTP");
        tokio::spawn(connection);
        let answer = sender.send_request(request).await.expect("an answer");
        let (head, body) = answer.into_parts();
        let body = body.collect().await.expect("whole").to_bytes();
        Answer { status: head.status, headers: head.headers, body }
    })
    .await
}

const GRPC_WEB: (&str, &str) = ("content-type", "application/grpc-web+proto");

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_listed_origin_calls() {
    let broker = broker().await;
    let envoy = for_pages(Envoy::before(&[broker.address])).start().await;
    let preflight = [
        ("origin", PAGE),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-grpc-web,grpc-timeout"),
    ];
    let answer = send(envoy.address(), Method::OPTIONS, &preflight).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
    assert_eq!(answer.header("access-control-allow-methods"), Some("POST"));
    let allowed = answer.header("access-control-allow-headers").expect("some");
    assert!(allowed.split(',').any(|it| it == "x-grpc-web"), "{allowed}");

    let answer = send(envoy.address(), Method::POST, &[("origin", PAGE), GRPC_WEB]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
    let exposed = answer.header("access-control-expose-headers").expect("some");
    assert!(exposed.contains("grpc-status-details-bin"), "{exposed}");
    let text = String::from_utf8_lossy(&answer.body);
    assert!(text.contains("grpc-status:0"), "{text:?}");
    let near = calls::connect(broker.address).await;
    assert_eq!(calls::replay(&near, "a", 1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_gets_nothing() {
    let broker = broker().await;
    let shipped = Envoy::before(&[broker.address]).start().await;
    let listed = for_pages(Envoy::before(&[broker.address])).start().await;
    for (envoy, origin) in [
        (&shipped, PAGE),
        (&shipped, "null"),
        (&listed, "https://app.example.evil.example"),
        (&listed, "http://app.example"),
        (&listed, "null"),
    ] {
        let answer = send(envoy.address(), Method::POST, &[("origin", origin), GRPC_WEB]).await;
        let told = answer.header("grpc-status");
        assert!(answer.status == StatusCode::FORBIDDEN || told == Some("7"), "{origin}: {told:?}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        let preflight = [("origin", origin), ("access-control-request-method", "POST")];
        let answer = send(envoy.address(), Method::OPTIONS, &preflight).await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        // What a page may send without asking first.
        let plain = [("origin", origin), ("content-type", "text/plain")];
        let answer = send(envoy.address(), Method::POST, &plain).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin}");
    }
    let near = calls::connect(broker.address).await;
    assert!(calls::replay(&near, "a", 1).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_without_an_origin_is_let_in() {
    let broker = broker().await;
    let envoy = Envoy::before(&[broker.address]).start().await;
    let answer = send(envoy.address(), Method::POST, &[GRPC_WEB]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(String::from_utf8_lossy(&answer.body).contains("grpc-status:0"));
}

/// A page can read that it asks too often.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_hears_of_the_rate_limit() {
    let broker = broker().await;
    let bucket = "{max_tokens: 1000, tokens_per_fill: 800, fill_interval: 1s}";
    let setup = for_pages(Envoy::before(&[broker.address]));
    let lowered = "{max_tokens: 1, tokens_per_fill: 1, fill_interval: 3600s}";
    let envoy = setup.with(bucket, lowered).start().await;
    let page = [("origin", PAGE), GRPC_WEB];
    send(envoy.address(), Method::POST, &page).await;
    let answer = send(envoy.address(), Method::POST, &page).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{:?}", answer.headers);
    for (name, value) in [("access-control-allow-origin", PAGE), ("x-local-rate-limit", "true")] {
        assert_eq!(answer.header(name), Some(value));
    }
    assert!(answer.header("grpc-status-details-bin").is_some());
}
