//! Bytes that nobody should send. Afterwards a proper client is served as before.

use crate::support::{Host, kept, raw, soon};
use bytes::Bytes;
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
};

fn runner(cases: u32) -> TestRunner {
    let persistence = None;
    TestRunner::new(Config { cases, failure_persistence: persistence, ..Config::default() })
}

/// The server lives on a runtime of its own, as each case blocks on its calls.
fn host() -> (Runtime, Host) {
    let runtime = Runtime::new().unwrap();
    let host = runtime.block_on(Host::start());
    (runtime, host)
}

async fn is_well(host: &Host) {
    let mut client = host.client().await;
    let answer = soon("an answer", client.publish(kept("well", "x"))).await;
    assert!(answer.unwrap().into_inner().id > 0);
}

#[test]
fn any_bytes_as_a_message() {
    let (runtime, host) = host();
    let paths = [raw::PUBLISH, raw::FETCH, raw::SUBSCRIBE, raw::STREAM];
    let cases = (vec(any::<u8>(), 0..200), 0..paths.len(), 0u8..3);
    let connection = runtime.block_on(raw::Connection::open(host.address));
    runner(400)
        .run(&cases, |(bytes, path, flag)| {
            runtime.block_on(async {
                let (response, sending) = connection.begin(paths[path], &[]).await;
                let _ = raw::send(sending, raw::framed(flag, &bytes)).await;
                let response = soon("an answer", response).await.unwrap();
                assert_eq!(response.status(), 200);
                // A subscription that happens to be valid has no end.
                if paths[path] != raw::SUBSCRIBE {
                    let status = raw::answer(response).await.status();
                    assert_ne!(status.code(), tonic::Code::Internal, "{status:?}");
                }
            });
            Ok(())
        })
        .unwrap();
    runtime.block_on(is_well(&host));
}

#[test]
fn any_bytes_as_framing() {
    let (runtime, host) = host();
    let paths = [raw::PUBLISH, raw::STREAM];
    let cases = (vec(any::<u8>(), 0..64), 0..paths.len());
    let connection = runtime.block_on(raw::Connection::open(host.address));
    runner(300)
        .run(&cases, |(bytes, path)| {
            let answer = runtime.block_on(connection.call(paths[path], &[], Bytes::from(bytes)));
            assert_ne!(answer.status().code(), tonic::Code::Internal);
            Ok(())
        })
        .unwrap();
    runtime.block_on(is_well(&host));
}

#[test]
fn any_bytes_at_the_socket() {
    let (runtime, host) = host();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let beginnings =
        [&b""[..], preface, b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", &[0; 9]].map(<[u8]>::to_vec);
    let cases = (prop::sample::select(beginnings.to_vec()), vec(any::<u8>(), 0..2_000));
    runner(200)
        .run(&cases, |(beginning, bytes)| {
            runtime.block_on(async {
                let mut stream = TcpStream::connect(host.address).await.unwrap();
                // It may be closed before all is written.
                let _ = stream.write_all(&[beginning, bytes].concat()).await;
                let _ = stream.shutdown().await;
                let mut answer = Vec::new();
                let _ = soon("the end", stream.read_to_end(&mut answer)).await;
            });
            Ok(())
        })
        .unwrap();
    runtime.block_on(is_well(&host));
}

#[tokio::test]
async fn headers_beyond_their_limit_end_a_call_and_not_the_server() {
    let host = Host::start().await;
    let connection = raw::Connection::open(host.address).await;
    let large = "x".repeat(14_000);
    let headers: Vec<(&str, &str)> = vec![("x-large", &large), ("x-larger", &large)];
    let (response, sending) = connection.begin(raw::PUBLISH, &headers).await;
    let _ = raw::send(sending, raw::framed(0, b"")).await;
    if let Ok(response) = soon("an answer", response).await {
        assert_eq!(response.status(), 431);
    }
    is_well(&host).await;
}

#[tokio::test]
async fn many_calls_that_are_taken_back_do_no_harm() {
    let host = Host::start().await;
    let connection = raw::Connection::open(host.address).await;
    for _ in 0..900 {
        let (_, mut sending) = connection.begin(raw::PUBLISH, &[]).await;
        sending.send_reset(h2::Reason::CANCEL);
    }
    let answer = connection.call(raw::PUBLISH, &[], raw::framed(0, b"\x0a\x01s")).await;
    assert_eq!(answer.status().code(), tonic::Code::Ok);
    is_well(&host).await;
}

#[tokio::test]
async fn a_peer_that_pings_all_the_time_is_tolerated() {
    let host = Host::start().await;
    let stream = TcpStream::connect(host.address).await.unwrap();
    let (_requests, mut connection) = h2::client::handshake(stream).await.unwrap();
    let mut pings = connection.ping_pong().unwrap();
    let running = tokio::spawn(connection);
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(100));
    for _ in 0..30 {
        ticks.tick().await;
        soon("a pong", pings.ping(h2::Ping::opaque())).await.unwrap();
    }
    for _ in 0..2_000 {
        soon("a pong", pings.ping(h2::Ping::opaque())).await.unwrap();
    }
    assert!(!running.is_finished());
}
