//! What is published is what is fetched and what subscribers see, in every format.

use crate::server::Server;
use serde_json::{Value, json};

#[test]
fn text_shows_id_time_headers_and_body() {
    let server = Server::in_memory();
    let published = server.run(&["publish", "orders", "one tea", "--keep", "--header", "table=4"]);
    assert_eq!(published.text(), "1\n");
    let fetched = server.run(&["fetch", "orders", "1"]);
    let subscribed = server.run(&["subscribe", "orders", "--count", "1"]);
    assert_eq!(fetched.text(), subscribed.text());
    let words: Vec<_> = fetched.text().trim_end().split("  ").collect();
    assert_eq!([words[0], words[2], words[3]], ["1", "table=4", "one tea"]);
    assert!(words[1].len() == 24 && words[1].ends_with('Z'), "{words:?}");
}

#[test]
fn json_has_all_that_is_known_of_a_message() {
    let server = Server::in_memory();
    let published = server.run(&[
        "publish", "süß", "\"a\"\n", "--ttl", "1500ms", "--header", "k=v", "--format", "json",
    ]);
    assert_eq!(published.text(), "{\"id\":1,\"durability\":\"memory\"}\n");
    let kept = server.run(&["publish", "kept", "b", "--keep"]);
    assert_eq!(kept.text(), "1\n");

    let kept: Value =
        serde_json::from_str(server.run(&["fetch", "kept", "1", "--format", "json"]).text())
            .unwrap();
    assert_eq!(kept["expires_at"], Value::Null);
    assert_eq!(
        (&kept["id"], &kept["subject"], &kept["body"]),
        (&json!(1), &json!("kept"), &json!("b"))
    );
    assert_eq!((&kept["headers"], &kept["missed"]), (&json!({}), &json!(0)));
    let published_at: jiff::Timestamp = kept["published_at"].as_str().unwrap().parse().unwrap();
    assert!(published_at > jiff::Timestamp::UNIX_EPOCH);
}

#[test]
fn json_says_when_a_message_expires() {
    let server = Server::in_memory();
    server.run(&["publish", "s", "body\n", "--ttl", "1h 500ms", "--header", "k=v"]).text();
    let fetched = server.run(&["fetch", "s", "1", "--format", "json"]);
    let fetched: Value = serde_json::from_str(fetched.text()).unwrap();
    let time =
        |field: &str| -> jiff::Timestamp { fetched[field].as_str().unwrap().parse().unwrap() };
    let lifetime = time("published_at").duration_until(time("expires_at"));
    assert_eq!(lifetime.as_millis(), 3_600_500);
    assert_eq!((&fetched["body"], &fetched["headers"]), (&json!("body\n"), &json!({"k": "v"})));
}

#[test]
fn any_bytes_come_back_as_they_were() {
    let server = Server::in_memory();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("body");
    let body: Vec<u8> = (0..=255).collect();
    std::fs::write(&file, &body).unwrap();
    server.run(&["publish", "bytes", "--file", file.to_str().unwrap(), "--keep"]).text();

    let raw = server.run(&["fetch", "bytes", "1", "--format", "raw"]);
    assert_eq!(raw.stdout, [&body[..], b"\n"].concat());
    let text = server.run(&["fetch", "bytes", "1"]);
    assert!(!text.text().trim_end_matches('\n').chars().any(char::is_control), "{text:?}");
    let json = server.run(&["fetch", "bytes", "1", "--format", "json"]);
    let json: Value = serde_json::from_str(json.text()).unwrap();
    assert!(json["body_base64"].as_str().unwrap().starts_with("AAECAwQFBg"), "{json}");
    assert_eq!(json.get("body"), None);
}

#[test]
fn an_empty_message_is_a_message() {
    let server = Server::in_memory();
    assert_eq!(server.run(&["publish", "s", "", "--keep"]).text(), "1\n");
    assert_eq!(server.run(&["fetch", "s", "1", "--format", "raw"]).stdout, b"\n");
}

#[test]
fn without_a_lifetime_a_message_is_delivered_only() {
    let server = Server::in_memory();
    assert_eq!(server.run(&["publish", "s", "body"]).text(), "delivered\n");
    assert_eq!(server.run(&["publish", "s", "body", "--ttl", "0s"]).text(), "delivered\n");
    let published = server.run(&["publish", "s", "-1", "--format", "json"]);
    assert_eq!(published.text(), "{\"id\":0,\"durability\":\"delivered\"}\n");
    server.run(&["fetch", "s", "1"]).sentence(4);
}
