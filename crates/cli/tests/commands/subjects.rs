//! Listing subjects.

use crate::{
    command::{broker, run},
    server::Server,
    terminal::{TYPED, Terminal},
};
use serde_json::{Value, json};

fn publish(server: &Server, name: &str, bodies: &[&str], arguments: &[&str]) {
    let lines: String = bodies.iter().map(|body| format!("{body}\n")).collect();
    let arguments = [&["publish", name][..], arguments].concat();
    server.run_with(&arguments, lines.as_bytes()).text();
}

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_pipe_gets_columns_and_json_every_field() {
    let server = Server::in_memory();
    publish(&server, "orders", &["one", "four"], &["--keep"]);
    publish(&server, "orders/a b", &["x"], &["--ttl", "1h"]);
    publish(&server, "heard only", &["x"], &[]);
    let text = server.run(&["subjects"]);
    let lines: Vec<Vec<&str>> =
        text.text().lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines.len(), 2, "{text:?}");
    assert_eq!(lines[0], ["2", "2", "7", "-", "orders"]);
    assert_eq!((lines[1][..3].join(" "), lines[1][4]), ("1 1 1".to_owned(), "orders/a b"));
    assert!(lines[1][3].ends_with('Z'), "{text:?}");

    let json = server.run(&["subjects", "--format", "json"]);
    let rows = objects(json.text());
    let first = json!({"subject": "orders", "last_id": 2, "messages": 2, "bytes": 7,
                       "next_expiry": null});
    assert_eq!(rows[0], first);
    assert_eq!(rows[1]["next_expiry"], lines[1][3]);
}

#[test]
fn a_broker_without_subjects_lists_none() {
    let server = Server::in_memory();
    assert_eq!(server.run(&["subjects"]).text(), "");
    assert_eq!(server.run(&["subjects", "--format", "json"]).text(), "");
}

#[test]
fn pages_follow_each_other_and_can_be_begun_and_ended_anywhere() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::on_disk(directory.path());
    // More than two pages of the broker.
    let names: Vec<String> = (10_000..12_500).map(|n| format!("s{n}")).collect();
    publish_each(&server, &names);
    let listed = |arguments: &[&str]| -> Vec<String> {
        let run = server.run(&[&["subjects", "--format", "json"][..], arguments].concat());
        let rows = objects(run.text());
        assert!(rows.iter().all(|row| row["messages"] == 1 && row["last_id"] == 1));
        rows.iter().map(|row| row["subject"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(listed(&[]), names);
    assert_eq!(listed(&["--limit", "1"]), names[..1]);
    assert_eq!(listed(&["--limit", "1500"]), names[..1_500]);
    assert_eq!(listed(&["--limit", "9000"]), names);
    assert_eq!(listed(&["--after", "s11999"]), names[2_000..]);
    assert_eq!(listed(&["--prefix", "s100"]), names[..100]);
    assert_eq!(listed(&["--prefix", "s1", "--after", "s10998", "--limit", "2"]), names[999..1_001]);
    assert!(listed(&["--prefix", "t"]).is_empty());
}

#[test]
fn a_subject_that_is_counted_in_parts_is_one_line() {
    let server = Server::in_memory();
    // More than the broker counts in one call over the memory store.
    let names = [vec!["a".to_owned(), "z".to_owned()], vec!["big".to_owned(); 60_000]].concat();
    for _ in 0..5 {
        publish_each(&server, &names);
    }
    let rows = objects(server.run(&["subjects", "--format", "json"]).text());
    let row = |name, messages: u64| {
        json!({"subject": name, "last_id": messages, "messages": messages, "bytes": messages,
               "next_expiry": null})
    };
    assert_eq!(rows, [row("a", 5), row("big", 300_000), row("z", 5)]);
    let limited = server.run(&["subjects", "--limit", "2", "--format", "json"]);
    assert_eq!(objects(limited.text()), rows[..2]);
    // More than the broker counts when it purges, but not more than was counted before.
    let purged = server.run(&["purge", "big", "--up-to", "290000", "--yes"]);
    assert_eq!(purged.text(), "removed 290000 messages (283.2 KiB) of big, up to id 290000\n");
    let rest = server.run(&["subjects", "--prefix", "big"]);
    assert_eq!(rest.text(), "300000\t10000\t10000\t-\tbig\n");
}

#[test]
fn a_listing_that_breaks_off_says_where_to_go_on() {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = format!("http://{}", listener.local_addr().unwrap());
    // It gives one page and goes.
    let giving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 4096];
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            let length = stream.read(&mut buffer).unwrap();
            request.extend_from_slice(&buffer[..length]);
        }
        let row = r#"{"subject":"s","last_id":1,"messages":1,"bytes":1,"next_expiry":null}"#;
        let body = format!(r#"{{"subjects":[{row}],"next":{{"after":"s","after_id":null}}}}"#);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    });
    let failed = run(broker(&["subjects", "--admin", &admin]), b"");
    assert_eq!(failed.stdout, b"1\t1\t1\t-\ts\n");
    let sentence = failed.sentence(3);
    assert!(sentence.contains("--after \"s\"") && sentence.contains(&admin), "{sentence}");
    giving.join().unwrap();
}

/// One message for each name.
fn publish_each(server: &Server, names: &[String]) {
    use broker_proto::{PublishBatch, PublishRequest, broker_client::BrokerClient};
    let address = format!("http://127.0.0.1:{}", server.port);
    let message = |name: &String| PublishRequest {
        subject: name.clone(),
        body: "x".into(),
        keep: true,
        ..PublishRequest::default()
    };
    let batch = PublishBatch { messages: names.iter().map(message).collect() };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let channel = tonic::transport::Endpoint::from_shared(address).unwrap().connect().await;
        let mut client = BrokerClient::new(channel.unwrap());
        let acks = client.publish_stream(tokio_stream::once(batch)).await.unwrap();
        let (mut acks, mut results) = (acks.into_inner(), 0);
        while let Some(ack) = acks.message().await.unwrap() {
            results += ack.results.len();
        }
        assert_eq!(results, names.len());
    });
}

#[test]
fn a_terminal_gets_a_table_on_which_no_name_acts() {
    let server = Server::in_memory();
    publish(&server, "orders", &["one", "four"], &["--keep"]);
    publish(&server, "over\u{202e}ride", &["x"], &["--keep"]);
    let (code, shown) = Terminal::start(server.command(&["subjects"]), TYPED).finish();
    assert_eq!(code, Some(0), "{shown}");
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].ends_with("  subject") && lines[0].contains("last id"), "{shown}");
    assert!(lines[1].ends_with("-  orders") && lines[1].contains("  7 B  "), "{shown}");
    assert!(lines[2].ends_with("-  over\\u{202e}ride"), "{shown}");
    assert_eq!(lines.len(), 3);
}

#[test]
fn what_is_refused_is_said() {
    let server = Server::in_memory();
    let long = "x".repeat(256);
    for (arguments, word) in [
        (&["subjects", "--prefix", ""][..], "prefix"),
        (&["subjects", "--after", "a\u{7}"], "after"),
        (&["subjects", "--after", &long], "after"),
    ] {
        let failed = server.run(arguments);
        assert!(failed.sentence(1).contains(word), "{failed:?}");
    }
}

#[test]
fn who_has_enough_of_it_ends_it_well() {
    let server = Server::in_memory();
    publish(&server, "s", &["x"], &["--keep"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = server.command(&["subjects"]);
    let ended = command.stdin(std::process::Stdio::null()).stdout(writer).output().unwrap();
    assert_eq!((ended.status.code(), &ended.stderr[..]), (Some(0), &b""[..]));
}
