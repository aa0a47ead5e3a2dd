//! What an operator asks for on the admin port.

use crate::support::{Host, kept, raw, reason, soon};
use broker_core::{AppendError, ReadError};
use broker_proto::FetchRequest;
use broker_storage::{
    Operation,
    faulty::{Hold, ReadPlan, WriteFault, WritePlan},
};
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};

/// Sends a request by hand; its status, headers and JSON.
async fn send(admin: SocketAddr, head: &str, body: &[u8]) -> (u16, String, Value) {
    let length = body.len();
    let head =
        format!("{head}\r\nHost: b\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    let answer = raw::http1(admin, &[head.as_bytes(), body].concat()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
    (status, head.to_ascii_lowercase(), value)
}

async fn post(admin: SocketAddr, path: &str, body: &Value) -> (u16, Value) {
    let head = format!("POST {path} HTTP/1.1\r\nContent-Type: application/json");
    let (status, _, value) = send(admin, &head, body.to_string().as_bytes()).await;
    (status, value)
}

/// The answer of a call that is done.
async fn done(host: &Host, path: &str, body: Value) -> Value {
    let (status, value) = post(host.admin, path, &body).await;
    assert_eq!(status, 200, "{path} {body}: {value}");
    value
}

/// Status, reason and field of a call that is refused.
async fn refused(host: &Host, path: &str, body: Value) -> (u16, String, Option<String>) {
    let (status, value) = post(host.admin, path, &body).await;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let error = &value["error"];
    assert!(error["message"].as_str().is_some_and(|text| text.len() > 10), "{value}");
    (status, text(&error["reason"]).unwrap(), text(&error["field"]))
}

fn is(status: u16, reason: &str, field: &str) -> (u16, String, Option<String>) {
    (status, reason.to_owned(), (!field.is_empty()).then(|| field.to_owned()))
}

async fn publish(host: &Host, name: &str, bodies: &[&str]) {
    let mut client = host.client().await;
    for body in bodies {
        client.publish(kept(name, body)).await.unwrap();
    }
}

#[tokio::test]
async fn subjects_are_listed_page_by_page_with_what_they_keep() {
    let host = Host::start().await;
    let names = ["a\"b\\c", "orders", "orders/été", "z\u{1F980}"];
    for (name, count) in names.iter().zip(1..) {
        publish(&host, name, &vec!["four"; count]).await;
    }
    let brief = broker_proto::PublishRequest {
        expiration_seconds: 5,
        keep: false,
        ..kept("orders", "brief")
    };
    host.client().await.publish(brief).await.unwrap();
    let rows = |limit: u64| {
        let host = &host;
        async move {
            let (mut rows, mut next) = (Vec::new(), json!({}));
            while !next.is_null() {
                next["limit"] = limit.into();
                let page = done(host, "/v1/subjects", next).await;
                rows.extend(page["subjects"].as_array().unwrap().clone());
                next = page["next"].clone();
            }
            rows
        }
    };
    let all = rows(1_000).await;
    let row = |name, last: u64, messages: u64, bytes: u64, next_expiry: Option<&str>| {
        json!({"subject": name, "last_id": last, "messages": messages, "bytes": bytes,
               "next_expiry": next_expiry})
    };
    assert_eq!(all[0], row(names[0], 1, 1, 4, None));
    assert_eq!(all[1], row(names[1], 3, 3, 13, Some("2023-11-14T22:13:25Z")));
    assert_eq!(all[3], row(names[3], 4, 4, 16, None));
    for limit in 1..=5 {
        assert_eq!(rows(limit).await, all);
    }
    let page = done(&host, "/v1/subjects", json!({"prefix": "orders"})).await;
    assert_eq!(page, json!({"subjects": all[1..3], "next": null}));
    host.time.advance(Duration::from_secs(5));
    let page = done(&host, "/v1/subjects", json!({"after": names[0], "limit": 1})).await;
    assert_eq!(page["subjects"][0], row(names[1], 3, 2, 8, None));
    // Without a body everything is as if nothing was said.
    let head = "POST /v1/subjects HTTP/1.1\r\ncontent-type: Application/JSON; charset=utf-8";
    let (status, headers, value) = send(host.admin, head, b"").await;
    assert_eq!((status, value["subjects"].as_array().unwrap().len()), (200, 4));
    assert!(headers.contains("cache-control: no-store"), "{headers}");
}

#[tokio::test]
async fn a_subject_that_is_much_work_is_counted_in_parts() {
    let host = Host::with(|plan| plan.core.tallies = 1).await;
    // More than the memory store counts in one call.
    for _ in 0..5 {
        let batch = crate::support::batch((0..1_000).map(|_| kept("s", "x")));
        let acks = host.client().await.publish_stream(tokio_stream::once(batch)).await.unwrap();
        let mut acks = acks.into_inner();
        while acks.message().await.unwrap().is_some() {}
    }
    let first = done(&host, "/v1/subjects", json!({})).await;
    assert_eq!(first["next"]["after"], "s");
    let second = done(&host, "/v1/subjects", first["next"].clone()).await;
    assert_eq!(second["next"], Value::Null);
    let messages = |page: &Value| page["subjects"][0]["messages"].as_u64().unwrap();
    assert_eq!(messages(&first) + messages(&second), 5_000);
    let part = done(&host, "/v1/count", json!({"subject": "s"})).await;
    let after = &part["next"]["after_id"];
    let rest = done(&host, "/v1/count", json!({"subject": "s", "after_id": after})).await;
    assert_eq!(part["messages"].as_u64().unwrap() + rest["messages"].as_u64().unwrap(), 5_000);
    let purged = done(&host, "/v1/purge", json!({"subject": "s", "up_to": 4_999})).await;
    assert_eq!(purged, json!({"subject": "s", "up_to": 4_999, "messages": null, "bytes": null}));
    assert_eq!(done(&host, "/v1/count", json!({"subject": "s"})).await["messages"], 1);
}

#[tokio::test]
async fn what_is_purged_has_expired_and_what_comes_goes_on() {
    let host = Host::start().await;
    publish(&host, "s", &["one", "two", "three"]).await;
    let counted = done(&host, "/v1/count", json!({"subject": "s", "up_to": 2})).await;
    let expected = json!({"subject": "s", "last_id": 3, "up_to": 2, "messages": 2, "bytes": 6,
                          "next_expiry": null, "next": null});
    assert_eq!(counted, expected);
    let purged = done(&host, "/v1/purge", json!({"subject": "s", "up_to": 2})).await;
    assert_eq!(purged, json!({"subject": "s", "up_to": 2, "messages": 2, "bytes": 6}));
    let mut client = host.client().await;
    for (id, is_there) in [(1, false), (2, false), (3, true)] {
        let fetched = client.fetch(FetchRequest { subject: "s".into(), id }).await;
        match fetched {
            Ok(_) => assert!(is_there, "{id}"),
            Err(status) => {
                assert!(!is_there, "{id}");
                assert_eq!(reason(&status).1, "MESSAGE_EXPIRED");
            }
        }
    }
    let purged = done(&host, "/v1/purge", json!({"subject": "s"})).await;
    assert_eq!(purged, json!({"subject": "s", "up_to": 3, "messages": 1, "bytes": 5}));
    let purged = done(&host, "/v1/purge", json!({"subject": "s", "up_to": null})).await;
    assert_eq!(purged["messages"], 0);
    assert_eq!(client.publish(kept("s", "four")).await.unwrap().into_inner().id, 4);
}

#[tokio::test]
async fn bad_input_is_one_sentence_that_names_the_field() {
    let host = Host::start().await;
    publish(&host, "s", &["one"]).await;
    let long = "x".repeat(256);
    for (path, body, expected) in [
        ("/v1/subjects", json!({"limit": 0}), is(400, "INVALID_NUMBER", "limit")),
        ("/v1/subjects", json!({"limit": 1_001}), is(400, "INVALID_NUMBER", "limit")),
        ("/v1/subjects", json!({"limit": "9"}), is(400, "INVALID_NUMBER", "limit")),
        ("/v1/subjects", json!({"limit": 1.5}), is(400, "INVALID_NUMBER", "limit")),
        ("/v1/subjects", json!({"after": 7}), is(400, "INVALID_SUBJECT", "after")),
        ("/v1/subjects", json!({"after_id": 7}), is(400, "INVALID_SUBJECT", "after")),
        (
            "/v1/subjects",
            json!({"after": "s", "after_id": 0}),
            is(400, "INVALID_NUMBER", "after_id"),
        ),
        ("/v1/subjects", json!({"prefix": ""}), is(400, "INVALID_SUBJECT", "prefix")),
        ("/v1/subjects", json!({"Limit": 1}), is(400, "UNKNOWN_FIELD", "Limit")),
        ("/v1/count", json!({}), is(400, "INVALID_SUBJECT", "subject")),
        ("/v1/count", json!({"subject": "t"}), is(404, "SUBJECT_NOT_FOUND", "subject")),
        ("/v1/count", json!({"subject": "s", "up_to": 2}), is(400, "UP_TO_AHEAD", "up_to")),
        ("/v1/purge", json!({"subject": null}), is(400, "INVALID_SUBJECT", "subject")),
        ("/v1/purge", json!({"subject": long}), is(400, "INVALID_SUBJECT", "subject")),
        ("/v1/purge", json!({"subject": "a\u{7}"}), is(400, "INVALID_SUBJECT", "subject")),
        ("/v1/purge", json!({"subject": "t"}), is(404, "SUBJECT_NOT_FOUND", "subject")),
        ("/v1/purge", json!({"subject": "s", "up_to": 0}), is(400, "INVALID_NUMBER", "up_to")),
        ("/v1/purge", json!({"subject": "s", "up_to": -1}), is(400, "INVALID_NUMBER", "up_to")),
        ("/v1/purge", json!({"subject": "s", "up_to": 2}), is(400, "UP_TO_AHEAD", "up_to")),
        ("/v1/purge", json!({"subject": "s", "upto": 1}), is(400, "UNKNOWN_FIELD", "upto")),
        ("/v1/purge", json!(["s"]), is(400, "MALFORMED", "")),
        ("/v1/other", json!({}), is(404, "UNKNOWN_CALL", "")),
    ] {
        assert_eq!(refused(&host, path, body.clone()).await, expected, "{path} {body}");
    }
    // Nothing of it did anything.
    assert_eq!(done(&host, "/v1/count", json!({"subject": "s"})).await["messages"], 1);
}

#[tokio::test]
async fn web_pages_and_whatever_is_no_json_are_refused() {
    let host = Host::start().await;
    publish(&host, "s", &["one"]).await;
    let large = vec![b' '; 16 * 1024 + 1];
    let json = "Content-Type: application/json";
    for (line, headers, body, status, reason) in [
        (
            "POST",
            format!("{json}\r\nOrigin: https://app.example"),
            &b"{}"[..],
            403,
            "ORIGIN_REFUSED",
        ),
        ("POST", format!("{json}\r\nOrigin: http://b"), b"{}", 403, "ORIGIN_REFUSED"),
        ("POST", format!("{json}\r\nOrigin: null"), b"{}", 403, "ORIGIN_REFUSED"),
        ("GET", "Accept: */*".into(), b"", 405, "WRONG_METHOD"),
        ("OPTIONS", "Origin: null".into(), b"", 403, "ORIGIN_REFUSED"),
        ("PUT", json.into(), b"{}", 405, "WRONG_METHOD"),
        ("POST", "Accept: */*".into(), b"{}", 415, "WRONG_CONTENT_TYPE"),
        ("POST", "Content-Type: text/plain".into(), b"{}", 415, "WRONG_CONTENT_TYPE"),
        (
            "POST",
            "Content-Type: application/x-www-form-urlencoded".into(),
            b"{}",
            415,
            "WRONG_CONTENT_TYPE",
        ),
        ("POST", json.into(), &large, 413, "BODY_TOO_LARGE"),
        ("POST", json.into(), b"{", 400, "MALFORMED"),
        ("POST", json.into(), b"\"s\"", 400, "MALFORMED"),
        ("POST", json.into(), b"\xff", 400, "MALFORMED"),
    ] {
        let head = format!("{line} /v1/purge HTTP/1.1\r\n{headers}");
        let (found, _, value) = send(host.admin, &head, body).await;
        assert_eq!((found, value["error"]["reason"].as_str()), (status, Some(reason)), "{head}");
    }
    assert_eq!(done(&host, "/v1/count", json!({"subject": "s"})).await["messages"], 1);
}

#[tokio::test]
async fn what_the_store_says_is_told_as_the_contract_has_it() {
    let host = Host::start().await;
    publish(&host, "s", &["one"]).await;
    let body = || json!({"subject": "s"});
    for (error, expected) in [
        (ReadError::Unavailable("away".into()), is(503, "STORAGE_UNAVAILABLE", "")),
        (ReadError::Failed("odd".into()), is(500, "INTERNAL", "")),
    ] {
        for (operation, path) in
            [(Operation::Subjects, "/v1/subjects"), (Operation::Tally, "/v1/subjects")]
        {
            let plan = ReadPlan { error: Some(error.clone()), hold: Hold::No };
            host.script.then_read(operation, plan);
            assert_eq!(refused(&host, path, json!({})).await, expected);
        }
    }
    for (error, expected) in [
        (AppendError::Full("disk"), is(429, "OVERLOADED", "")),
        (AppendError::Unavailable("away".into()), is(503, "STORAGE_UNAVAILABLE", "")),
        (AppendError::Unknown("cut off".into()), is(504, "OUTCOME_UNKNOWN", "")),
    ] {
        let plan = WritePlan { fault: WriteFault::Before(error), hold: Hold::No };
        host.script.then_write(Operation::Purge, plan);
        assert_eq!(refused(&host, "/v1/purge", body()).await, expected);
        assert_eq!(done(&host, "/v1/count", body()).await["messages"], 1);
    }
    let plan = WritePlan { fault: WriteFault::Before(AppendError::Fenced), hold: Hold::No };
    host.script.then_write(Operation::Purge, plan);
    for path in ["/v1/purge", "/v1/count"] {
        assert_eq!(refused(&host, path, body()).await, is(503, "STANDBY", ""));
    }
}

#[tokio::test]
async fn only_a_few_calls_are_done_at_once_and_the_others_wait() {
    let host = Host::start().await;
    publish(&host, "s", &["one"]).await;
    for _ in 0..2 {
        let hold = ReadPlan { error: None, hold: Hold::Start };
        host.script.then_read(Operation::Tally, hold);
    }
    let admin = host.admin;
    let call = || tokio::spawn(async move { post(admin, "/v1/subjects", &json!({})).await });
    let held = [call(), call()];
    soon("both are in the store", host.store.wait_held(2)).await;
    let waiting = call();
    // Other pages do not wait for them, and neither do messages.
    publish(&host, "s", &["two"]).await;
    let ready = raw::http1(admin, b"GET /readyz HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n");
    assert!(ready.await.starts_with("HTTP/1.1 200"));
    assert!(!waiting.is_finished());
    host.store.release_all();
    for call in held.into_iter().chain([waiting]) {
        assert_eq!(soon("an answer", call).await.unwrap().0, 200);
    }
}

#[tokio::test]
async fn before_the_broker_is_open_and_when_it_leaves_nothing_is_done() {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = broker_server::ServerConfig {
        listen: free,
        admin_listen: free,
        web_origins: Vec::new(),
        grace: crate::support::PATIENCE,
        limits: Default::default(),
    };
    let server = broker_server::Server::bind(config).await.unwrap();
    let admin = server.admin_address().unwrap();
    let (status, value) = post(admin, "/v1/subjects", &json!({})).await;
    assert_eq!((status, value["error"]["reason"].as_str()), (503, Some("STARTING")));

    let mut host = Host::with(|plan| {
        plan.config.limits.closing_notice = Duration::from_secs(2);
    })
    .await;
    let admin = host.admin;
    host.leave();
    let closing = async {
        while post(admin, "/v1/subjects", &json!({})).await.0 == 200 {}
        post(admin, "/v1/purge", &json!({"subject": "s"})).await
    };
    let (status, value) = soon("the word that it leaves", closing).await;
    assert_eq!((status, value["error"]["reason"].as_str()), (503, Some("BROKER_CLOSING")));
    host.left().await.unwrap();
}
