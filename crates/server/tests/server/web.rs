//! Web pages: gRPC-Web by hand, and whose pages may call.

use crate::support::{Host, kept, raw, soon, until};
use base64_of::encode;
use bytes::Bytes;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LISTED: &str = "https://app.example";

/// A gRPC-Web call as a browser makes it.
fn request(path: &str, kind: &str, origin: &str, body: &[u8]) -> Vec<u8> {
    let origin = if origin.is_empty() { String::new() } else { format!("Origin: {origin}\r\n") };
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: broker\r\nContent-Type: {kind}\r\n{origin}\
         X-Grpc-Web: 1\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn publish() -> Bytes {
    raw::framed(0, &kept("s", "x").encode_to_vec())
}

#[tokio::test]
async fn a_page_of_a_listed_origin_may_call() {
    let host = Host::start().await;
    let web = "application/grpc-web+proto";
    let answer = raw::http1(host.address, &request(raw::PUBLISH, web, LISTED, &publish())).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let lower = answer.to_lowercase();
    assert!(lower.contains("access-control-allow-origin: https://app.example\r\n"), "{answer}");
    for exposed in ["grpc-status", "grpc-message", "grpc-status-details-bin", "traceparent"] {
        let line = lower.lines().find(|line| line.starts_with("access-control-expose-headers"));
        assert!(line.is_some_and(|line| line.contains(exposed)), "{answer}");
    }
    assert!(lower.contains("grpc-status:0"), "its trailers are in the body: {answer}");
    assert!(host.broker.writable() == broker_core::Writable::Yes);
}

#[tokio::test]
async fn a_program_without_an_origin_may_call_in_either_form() {
    let host = Host::start().await;
    let web = request(raw::PUBLISH, "application/grpc-web", "", &publish());
    let answer = raw::http1(host.address, &web).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("grpc-status:0"), "{answer}");
    let web = request(raw::PUBLISH, "application/grpc-web+proto ; charset=utf-8", "", &publish());
    let answer = raw::http1(host.address, &web).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("grpc-status:0"), "{answer}");
    let text = encode(&publish());
    let web = request(raw::PUBLISH, "application/grpc-web-text", "", text.as_bytes());
    let answer = raw::http1(host.address, &web).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_page_that_is_closed_ends_its_subscription() {
    let host = Host::start().await;
    let subscribe = broker_proto::SubscribeRequest { subject: "s".into(), ..Default::default() };
    let body = raw::framed(0, &subscribe.encode_to_vec());
    let web = request(raw::SUBSCRIBE, "application/grpc-web+proto", LISTED, &body);
    let mut page = tokio::net::TcpStream::connect(host.address).await.unwrap();
    page.write_all(&web).await.unwrap();
    until("a subscription", || host.broker.subscribers() == 1).await;
    host.client().await.publish(kept("s", "hello page")).await.unwrap();
    let mut seen = Vec::new();
    soon("a message", async {
        while !seen.windows(10).any(|window| window == b"hello page") {
            assert!(page.read_buf(&mut seen).await.unwrap() > 0);
        }
    })
    .await;
    drop(page);
    until("the end of the subscription", || host.broker.subscribers() == 0).await;
}

#[tokio::test]
async fn errors_reach_pages_with_their_details() {
    let host = Host::start().await;
    let bad = raw::framed(0, &kept("", "x").encode_to_vec());
    let web = request(raw::PUBLISH, "application/grpc-web+proto", LISTED, &bad);
    let answer = raw::http1(host.address, &web).await.to_lowercase();
    assert!(answer.starts_with("http/1.1 200") && answer.contains("grpc-status: 3"), "{answer}");
    assert!(answer.contains("grpc-status-details-bin:"), "{answer}");
    assert!(answer.contains("access-control-allow-origin"), "{answer}");
}

#[tokio::test]
async fn pages_of_other_origins_are_refused_whatever_they_speak() {
    let host = Host::start().await;
    for origin in ["https://evil.example", "null", "https://app.example.evil", "http://app.example"]
    {
        let web = request(raw::PUBLISH, "application/grpc-web+proto", origin, &publish());
        let answer = raw::http1(host.address, &web).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        assert!(!answer.to_lowercase().contains("access-control-allow"), "{answer}");
        let connection = raw::Connection::open(host.address).await;
        let answer = connection.call(raw::PUBLISH, &[("origin", origin)], publish()).await;
        assert_eq!((answer.http, answer.status().code()), (403, tonic::Code::PermissionDenied));
    }
    // Nothing was published.
    let id = host.client().await.publish(kept("s", "x")).await.unwrap().into_inner().id;
    assert_eq!(id, 1);
}

fn preflight(origin: &str) -> Vec<u8> {
    format!(
        "OPTIONS /broker.Broker/Publish HTTP/1.1\r\nHost: broker\r\nOrigin: {origin}\r\n\
         Access-Control-Request-Method: POST\r\n\
         Access-Control-Request-Headers: content-type,x-grpc-web\r\nConnection: close\r\n\r\n"
    )
    .into()
}

#[tokio::test]
async fn browsers_that_ask_first_are_answered() {
    let host = Host::start().await;
    let yes = raw::http1(host.address, &preflight(LISTED)).await.to_lowercase();
    assert!(yes.starts_with("http/1.1 204"), "{yes}");
    assert!(yes.contains("access-control-allow-methods: post"), "{yes}");
    assert!(yes.contains("access-control-allow-headers: content-type,x-grpc-web"), "{yes}");
    let no = raw::http1(host.address, &preflight("https://evil.example")).await.to_lowercase();
    assert!(no.starts_with("http/1.1 403") && !no.contains("access-control-allow"), "{no}");
}

#[tokio::test]
async fn what_is_no_grpc_is_told_so() {
    let host = Host::start().await;
    let get = b"GET / HTTP/1.1\r\nHost: broker\r\nConnection: close\r\n\r\n";
    let answer = raw::http1(host.address, get).await;
    assert!(answer.starts_with("HTTP/1.1 415") && answer.contains("gRPC"), "{answer}");
    let json = request(raw::PUBLISH, "application/json", "", b"{}");
    assert!(raw::http1(host.address, &json).await.starts_with("HTTP/1.1 415"));
}

/// Base64, for the text form of gRPC-Web.
mod base64_of {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    pub fn encode(bytes: &[u8]) -> String {
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let mut group = [0; 3];
            group[..chunk.len()].copy_from_slice(chunk);
            let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
            for place in 0..4 {
                let letter = LETTERS[(bits >> (18 - 6 * place)) as usize & 63];
                text.push(if place <= chunk.len() { letter as char } else { '=' });
            }
        }
        text
    }
}
