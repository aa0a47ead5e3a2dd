//! Compressed requests: taken, and bounded by what comes out.

use crate::support::{Host, batch, ids, kept, raw, reason};
use broker_proto::FetchRequest;
use broker_server::{MAX_MESSAGE, MAX_REQUEST};
use bytes::Bytes;
use prost::Message;
use std::io::{Read, Write};
use tonic::{Code, codec::CompressionEncoding};

fn gzip(bytes: impl Read) -> Bytes {
    let mut out = Vec::new();
    flate2::read::GzEncoder::new(bytes, flate2::Compression::best()).read_to_end(&mut out).unwrap();
    raw::framed(1, &out)
}

fn gzip_of(message: &impl Message) -> Bytes {
    gzip(&message.encode_to_vec()[..])
}

const GZIP: &[(&str, &str)] = &[("grpc-encoding", "gzip")];

#[tokio::test]
async fn every_way_that_clients_know_is_taken() {
    let host = Host::start().await;
    let encodings =
        [CompressionEncoding::Gzip, CompressionEncoding::Deflate, CompressionEncoding::Zstd];
    for (id, encoding) in (1..).zip(encodings) {
        let mut client = host.client().await.send_compressed(encoding);
        let message = kept("s", &"text ".repeat(10_000));
        assert_eq!(client.publish(message.clone()).await.unwrap().into_inner().id, id);
        let fetch = FetchRequest { subject: "s".into(), id };
        assert_eq!(client.fetch(fetch).await.unwrap().into_inner().body, message.body);
        let sent = tokio_stream::once(batch([kept("t", "a"), kept("t", "b")]));
        let mut acks = client.publish_stream(sent).await.unwrap().into_inner();
        assert_eq!(ids(&acks.message().await.unwrap().unwrap().results).len(), 2);
    }
}

#[tokio::test]
async fn limits_apply_to_what_comes_out() {
    let host = Host::start().await;
    let connection = raw::Connection::open(host.address).await;
    let mut fitting = kept("s", "");
    fitting.body = vec![0; MAX_MESSAGE - 20].into();
    let answer = connection.call(raw::PUBLISH, GZIP, gzip_of(&fitting)).await;
    assert_eq!(answer.status().code(), Code::Ok);
    fitting.body = vec![0; MAX_MESSAGE].into();
    let answer = connection.call(raw::PUBLISH, GZIP, gzip_of(&fitting)).await;
    assert_eq!(reason(&answer.status()).1, "MESSAGE_TOO_LARGE");
    // Far more than would ever be read, in a few hundred KiB.
    let bomb = gzip(std::io::repeat(0).take(8 * MAX_REQUEST as u64));
    assert!(bomb.len() < 1 << 20);
    for (path, name) in [(raw::PUBLISH, "MESSAGE_TOO_LARGE"), (raw::STREAM, "BATCH_TOO_LARGE")] {
        let answer = connection.call(path, GZIP, bomb.clone()).await;
        assert_eq!(reason(&answer.status()), (Code::InvalidArgument, name.to_owned(), false));
    }
    assert_eq!(host.client().await.publish(kept("s", "x")).await.unwrap().into_inner().id, 2);
}

#[tokio::test]
async fn what_asks_for_much_memory_is_refused() {
    let host = Host::start().await;
    let connection = raw::Connection::open(host.address).await;
    let mut writer = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    writer.window_log(27).unwrap();
    writer.write_all(&kept("s", "x").encode_to_vec()).unwrap();
    let body = raw::framed(1, &writer.finish().unwrap());
    let answer = connection.call(raw::PUBLISH, &[("grpc-encoding", "zstd")], body).await;
    assert_eq!(reason(&answer.status()).1, "MALFORMED");
}

#[tokio::test]
async fn what_is_not_known_is_named() {
    let host = Host::start().await;
    let connection = raw::Connection::open(host.address).await;
    let body = raw::framed(1, b"whatever");
    let answer = connection.call(raw::PUBLISH, &[("grpc-encoding", "br")], body).await;
    assert_eq!(answer.status().code(), Code::Unimplemented);
    let headers = answer.trailers.as_ref().unwrap_or(&answer.headers);
    assert_eq!(headers["grpc-accept-encoding"], "identity,gzip,deflate,zstd");
    let broken = connection.call(raw::PUBLISH, GZIP, raw::framed(1, b"no gzip")).await;
    assert_eq!(reason(&broken.status()), (Code::InvalidArgument, "MALFORMED".into(), false));
}
