//! What is valid, field by field.

use crate::support::{Host, kept, message, raw, reason, violations};
use broker_proto::{FetchRequest, PublishRequest, SubscribeRequest};
use bytes::Bytes;
use prost_types::Duration;
use tonic::Code;

fn lasting(seconds: i64, nanos: i32) -> PublishRequest {
    PublishRequest { expiration: Some(Duration { seconds, nanos }), ..message("s", "x") }
}

async fn refused(request: PublishRequest, name: &str, field: &str) {
    let host = Host::start().await;
    let mut client = host.client().await;
    let what = format!("{request:?}").chars().take(200).collect::<String>();
    let status = client.publish(request).await.unwrap_err();
    assert_eq!(reason(&status), (Code::InvalidArgument, name.to_owned(), false), "{what}");
    assert_eq!(violations(&status), [field], "{what}");
    // Nothing else is affected.
    assert_eq!(client.publish(kept("s", "x")).await.unwrap().into_inner().id, 1);
}

#[tokio::test]
async fn subjects() {
    for bad in ["", &"a".repeat(256), &"é".repeat(128), "a\nb", "a\0", "\u{7f}", "a\u{85}"] {
        refused(message(bad, "x"), "INVALID_SUBJECT", "subject").await;
        let host = Host::start().await;
        let mut client = host.client().await;
        let fetch = FetchRequest { subject: bad.into(), id: 1 };
        let fetched = client.fetch(fetch).await.unwrap_err();
        let subscribe = SubscribeRequest { subject: bad.into(), ..SubscribeRequest::default() };
        let subscribed = client.subscribe(subscribe).await.unwrap_err();
        for status in [fetched, subscribed] {
            assert_eq!(reason(&status).1, "INVALID_SUBJECT", "{bad:?}");
            assert_eq!(violations(&status), ["subject"]);
        }
    }
    let host = Host::start().await;
    let mut client = host.client().await;
    for good in ["a", &"a".repeat(255), "süß/小.*> \u{ad}", " "] {
        assert_eq!(client.publish(kept(good, "x")).await.unwrap().into_inner().id, 1, "{good:?}");
        let fetch = FetchRequest { subject: good.into(), id: 1 };
        assert_eq!(client.fetch(fetch).await.unwrap().into_inner().subject, good);
    }
}

#[tokio::test]
async fn texts_that_are_not_utf8() {
    let host = Host::start().await;
    let connection = raw::Connection::open(host.address).await;
    let header = b"\x0a\x01s\x32\x06\x0a\x01k\x12\x01\xff";
    for (path, request, name, field) in [
        (raw::PUBLISH, &b"\x0a\x02\xc3\x28"[..], "INVALID_SUBJECT", "subject"),
        (raw::SUBSCRIBE, b"\x0a\x01\xff", "INVALID_SUBJECT", "subject"),
        (raw::FETCH, b"\x0a\x01\xff\x10\x01", "INVALID_SUBJECT", "subject"),
        (raw::PUBLISH, header, "INVALID_HEADER", "headers"),
    ] {
        let answer = connection.call(path, &[], raw::framed(0, request)).await;
        assert_eq!(reason(&answer.status()), (Code::InvalidArgument, name.to_owned(), false));
        assert_eq!(violations(&answer.status()), [field]);
    }
}

#[tokio::test]
async fn lifetimes() {
    let seconds = |seconds| PublishRequest { expiration_seconds: seconds, ..message("s", "x") };
    for bad in [seconds(-1), seconds(i32::MIN)] {
        refused(bad, "INVALID_EXPIRATION", "expirationSeconds").await;
    }
    for (seconds, nanos) in [
        (-1, 0),
        (0, -1),
        (1, -1),
        (-1, 1),
        (0, 1_000_000_000),
        (3_155_760_000, 1),
        (i64::MAX, 0),
        (i64::MIN, i32::MIN),
    ] {
        refused(lasting(seconds, nanos), "INVALID_EXPIRATION", "expiration").await;
    }
    for several in [
        PublishRequest { keep: true, ..seconds(1) },
        PublishRequest { keep: true, ..lasting(1, 0) },
        PublishRequest { expiration_seconds: 1, ..lasting(1, 0) },
    ] {
        refused(several, "INVALID_EXPIRATION", "expiration").await;
    }
    let host = Host::start().await;
    let mut client = host.client().await;
    for good in [seconds(1), seconds(i32::MAX), lasting(0, 1), lasting(3_155_760_000, 0)] {
        assert!(client.publish(good).await.unwrap().into_inner().id > 0);
    }
    for zero in [seconds(0), lasting(0, 0)] {
        let response = client.publish(zero.clone()).await.unwrap().into_inner();
        assert_eq!((response.id, response.durability), (0, 0));
        // A zero is the same as absent, beside another one too.
        let keep = PublishRequest { keep: true, ..zero };
        let response = client.publish(keep).await.unwrap().into_inner();
        assert_eq!(response.durability(), broker_proto::Durability::Memory);
    }
}

#[tokio::test]
async fn headers() {
    let with = |headers: Vec<(String, String)>| PublishRequest {
        headers: headers.into_iter().collect(),
        ..kept("s", "x")
    };
    let many = |count: usize| with((0..count).map(|n| (n.to_string(), String::new())).collect());
    let long = "x\n".repeat(100_000);
    for bad in [
        with(vec![(String::new(), "v".into())]),
        with(vec![("a\tb".into(), "v".into())]),
        with(vec![(long, "v".into())]),
        many(1_025),
    ] {
        refused(bad, "INVALID_HEADER", "headers").await;
    }
    let host = Host::start().await;
    let mut client = host.client().await;
    client.publish(many(1_024)).await.unwrap();
    let fetch = FetchRequest { subject: "s".into(), id: 1 };
    assert_eq!(client.fetch(fetch).await.unwrap().into_inner().headers.len(), 1_024);
}

#[tokio::test]
async fn what_is_no_protobuf() {
    let host = Host::start().await;
    let connection = raw::Connection::open(host.address).await;
    let malformed = (Code::InvalidArgument, "MALFORMED".to_owned(), false);
    for path in [raw::PUBLISH, raw::FETCH, raw::SUBSCRIBE, raw::STREAM] {
        for bytes in [&b"\xff\xff\xff\xff"[..], b"\x0a\x05ab", b"\x0a", b"\x07"] {
            let answer = connection.call(path, &[], raw::framed(0, bytes)).await;
            assert_eq!(reason(&answer.status()), malformed, "{path} {bytes:?}");
        }
    }
    for path in [raw::PUBLISH, raw::FETCH, raw::SUBSCRIBE] {
        // Nothing at all, half a prefix, half a message, a flag that is none, an unnamed compression.
        let cut = raw::framed(0, b"\x0a\x01s");
        for body in [&b""[..], b"\0\0", &cut[..cut.len() - 1], b"\x07\0\0\0\0", b"\x01\0\0\0\0"] {
            let answer = connection.call(path, &[], Bytes::copy_from_slice(body)).await;
            assert_eq!(reason(&answer.status()), malformed, "{path} {body:?}");
        }
    }
    let start = raw::framed(0, b"\x0a\x01s\x10\x07");
    let answer = connection.call(raw::SUBSCRIBE, &[], start).await;
    assert_eq!(violations(&answer.status()), ["start"]);
}
