//! What goes in comes out.

use crate::support::{Bench, message, with_body, with_headers};
use broker_core::{Headers, MAX_HEADERS, Message};
use bytes::Bytes;
use std::sync::Arc;

/// The largest body that the broker's limit on a message allows, rounded up.
const LARGEST: usize = 4 * 1024 * 1024;

async fn come_back(mut bench: Bench, given: Vec<Arc<Message>>) {
    bench.append(given.clone()).await;
    bench
        .in_every_life(async |bench| {
            for message in &given {
                let (name, id) = (message.subject.as_str(), message.id.0);
                let fetched = bench.fetch(name, id).await;
                assert!(fetched.as_ref() == Some(message), "{name} {id} is fetched as given");
                let read = bench.page(name, id - 1, 1).await.messages;
                assert!(read.len() == 1 && read[0].id() == message.id);
            }
            let name = given[0].subject.as_str();
            assert!(bench.read(name, 0, 1024 * 1024).await == given, "read as given");
        })
        .await;
}

pub async fn every_field_comes_back(bench: Bench) {
    let headers = Headers::from_pairs([("content-type", "text/plain"), ("é", "ü")]).unwrap();
    let published_at = 1_700_000_000_123_456_789;
    let given = vec![
        message("s", 1, published_at, Some(published_at + 1), headers.clone(), "body"),
        message("s", 2, published_at + 1, None, headers, ""),
    ];
    come_back(bench, given).await;
}

pub async fn times_come_back_to_the_nanosecond(bench: Bench) {
    let times = [1, 999_999_999, 1_000_000_000, 1_700_000_000_000_000_001, i64::MAX - 2];
    let given =
        (1..).zip(times).map(|(id, at)| message("s", id, at, Some(at + 1), Headers::default(), ""));
    come_back(bench, given.collect()).await;
}

pub async fn empty_bodies_come_back(bench: Bench) {
    come_back(bench, (1..=3).map(|id| with_body("s", id, "")).collect()).await;
}

pub async fn every_byte_comes_back(bench: Bench) {
    let all: Vec<u8> = (0..=u8::MAX).collect();
    let given = vec![
        with_body("s", 1, all.clone()),
        with_body("s", 2, all.repeat(257)),
        with_body("s", 3, vec![0; 4_096]),
        with_body("s", 4, vec![0xFF; 4_095]),
    ];
    come_back(bench, given).await;
}

pub async fn the_largest_bodies_come_back(bench: Bench) {
    let body = |seed: u8| -> Bytes { (0..LARGEST).map(|i| (i / 251) as u8 ^ seed).collect() };
    let given = vec![with_body("s", 1, body(1)), with_body("s", 2, ""), with_body("s", 3, body(2))];
    come_back(bench, given).await;
}

pub async fn headers_come_back(bench: Bench) {
    let names: Vec<String> = (0..MAX_HEADERS).map(|n| format!("key-{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "value")).collect();
    let long = "v".repeat(70_000);
    let given = vec![
        with_headers("s", 1, &[]),
        with_headers("s", 2, &[("a", "")]),
        with_headers("s", 3, &many),
        with_headers(
            "s",
            4,
            &[("long", &long), ("quotes", "'\"`$$;--"), ("日本", "\u{1F980}\n\0")],
        ),
    ];
    come_back(bench, given).await;
}
