//! One message a line from standard input.

use crate::{command::Running, server::Server};
use serde_json::Value;
use std::{io::Write, process::Stdio};

const LIMIT: usize = 4 * 1024 * 1024 - 1024;

#[test]
fn every_line_is_a_message_and_is_answered_in_order() {
    let server = Server::in_memory();
    let published = server.run_with(&["publish", "s", "--keep"], b"one\n\nthree\r\nlast");
    assert_eq!(published.text(), "1\n2\n3\n4\n");
    assert_eq!(published.stderr, "broker: 4 messages acknowledged\n");
    let all = server.run(&["subscribe", "s", "--count", "4", "--format", "raw"]);
    assert_eq!(all.stdout, b"one\n\nthree\r\nlast\n");
}

#[test]
fn no_line_is_no_message() {
    let server = Server::in_memory();
    let published = server.run(&["publish", "s", "--keep"]);
    assert_eq!(published.text(), "");
    assert_eq!(published.stderr, "broker: 0 messages acknowledged\n");
}

#[test]
fn many_lines_keep_their_order() {
    let server = Server::in_memory();
    let input: String = (1..=50_000).map(|number| format!("{number}\n")).collect();
    let published = server.run_with(&["publish", "s", "--ttl", "1h"], input.as_bytes());
    assert!(published.text() == input, "ids are not those of the lines");
    assert_eq!(published.stderr, "broker: 50000 messages acknowledged\n");
    let all = server.run(&["subscribe", "s", "--count", "50000", "--format", "raw"]);
    assert!(all.text() == input, "messages are not the lines");
}

#[test]
fn a_line_is_published_while_the_next_is_still_to_come() {
    let server = Server::in_memory();
    let mut publishing = Running::start(server.command(&["publish", "s", "--keep"]));
    for number in 1..=3 {
        publishing.input(b"line\n");
        assert_eq!(publishing.line(), number.to_string());
    }
    assert_eq!(publishing.finish().stderr, "broker: 3 messages acknowledged\n");
}

#[test]
fn a_line_too_long_fails_alone() {
    let server = Server::in_memory();
    let long = vec![b'x'; 3 * LIMIT];
    let input = [b"one\n", &long[..], b"\nthree\n"].concat();
    let published = server.run_with(&["publish", "s", "--keep"], &input);
    assert_eq!(published.code, Some(1));
    assert_eq!(published.stdout, b"1\nfailed\n2\n");
    let told: Vec<_> = published.stderr.lines().collect();
    assert!(told[0].starts_with("broker: line 2: ") && told[0].contains("limit"), "{told:?}");
    assert_eq!(told[1..], ["broker: 2 of 3 messages acknowledged"]);

    let published = server.run_with(&["publish", "s", "--keep", "--format", "json"], &input);
    let second = published.stdout.split(|byte| *byte == b'\n').nth(1).unwrap();
    let second: Value = serde_json::from_slice(second).unwrap();
    assert_eq!((&second["retryable"], &second["outcome_unknown"]), (&false.into(), &false.into()));
}

#[test]
fn the_longest_line_is_a_message() {
    let server = Server::in_memory();
    // What subject, lifetime and lengths take beside the body.
    let body = vec![b'x'; LIMIT - 10];
    let published = server.run_with(&["publish", "s", "--keep"], &body);
    assert_eq!(published.text(), "1\n");
    let fetched = server.run(&["fetch", "s", "1", "--format", "raw"]);
    assert_eq!(fetched.stdout.len(), body.len() + 1);
}

#[test]
fn a_refused_subject_is_told_once_and_stops_the_reading() {
    let server = Server::in_memory();
    let mut publishing = Running::start(server.command(&["publish", "a\nb"]));
    publishing.input(b"one\n");
    publishing.hear(|line| line.starts_with("broker: line 1: ").then_some(()));
    // Its input stays open: it ends by itself.
    publishing.hear(|line| (line == "broker: 0 of 1 message acknowledged\n").then_some(()));
    publishing.hear(|line| (line == "broker: line 1 is surely not stored\n").then_some(()));
    let published = publishing.finish();
    assert_eq!((published.code, &published.stdout[..]), (Some(1), &b"failed\n"[..]));
    assert!(!published.stderr.contains("--from-line"), "{published:?}");
}

#[test]
fn lines_of_a_file_are_messages_from_any_line_on() {
    let server = Server::in_memory();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "one\ntwo\nthree").unwrap();
    let lines = ["publish", "s", "--keep", "--lines", file.path().to_str().unwrap()];
    assert_eq!(server.run(&lines).text(), "1\n2\n3\n");
    let from_second = server.run(&[&lines[..], &["--from-line", "2"]].concat());
    assert_eq!(from_second.stderr, "broker: 2 messages acknowledged\n");
    let all = server.run(&["subscribe", "s", "--count", "5", "--format", "raw"]);
    assert_eq!(all.text(), "one\ntwo\nthree\ntwo\nthree\n");

    let from_second = ["publish", "s", "--keep", "--from-line", "2"];
    assert_eq!(server.run_with(&from_second, b"one\ntwo\n").text(), "6\n");
    let none = server.run(&["publish", "s", "--lines", "/no/such/file"]);
    assert!(none.sentence(1).contains("/no/such/file"), "{none:?}");
    let wrong = server.run(&["publish", "s", "body", "--from-line", "2"]);
    assert_eq!(wrong.code, Some(2));
    assert_eq!(server.run(&["publish", "s", "--from-line", "0"]).code, Some(2));
}

#[test]
fn who_closes_the_output_does_not_stop_the_publishing() {
    let server = Server::in_memory();
    let mut command = server.command(&["publish", "s", "--keep"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all("line\n".repeat(20_000).as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stderr, b"broker: 20000 messages acknowledged\n");
    assert_eq!(server.run(&["fetch", "s", "20000", "--format", "raw"]).text(), "line\n");
}

#[test]
fn ctrl_c_ends_after_what_was_read_is_acknowledged() {
    let server = Server::in_memory();
    let mut publishing = Running::start(server.command(&["publish", "s", "--keep"]));
    publishing.input(b"one\n");
    assert_eq!(publishing.line(), "1");
    publishing.signal(rustix::process::Signal::INT);
    publishing.hear(|line| (line == "broker: 1 message acknowledged\n").then_some(()));
    publishing.hear(|line| (line == "broker: go on with --from-line 2\n").then_some(()));
    assert_eq!(publishing.finish().code, Some(130));
}

#[test]
fn a_broker_that_leaves_fails_a_publisher_that_waits_for_a_line() {
    let mut server = Server::in_memory();
    let mut publishing = Running::start(server.command(&["publish", "s", "--keep"]));
    publishing.input(b"one\n");
    assert_eq!(publishing.line(), "1");
    server.running.signal(rustix::process::Signal::TERM);
    // Its input stays open: it must hear of the end by itself.
    publishing.hear(|line| line.contains("closing").then_some(()));
    let finished = publishing.finish();
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(finished.stderr.contains("1 message acknowledged"), "{finished:?}");
    server.running.hear(|line| line.contains("\"closed\"").then_some(()));
}

#[test]
fn a_broker_that_dies_acknowledges_nothing_more() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::on_disk(directory.path());
    let mut publishing = Running::start(server.command(&["publish", "s", "--keep"]));
    publishing.input(b"one\n");
    assert_eq!(publishing.line(), "1");
    server.running.kill();
    publishing.try_input(b"two\n");
    let finished = publishing.finish();
    assert!(finished.stdout.is_empty() || finished.stdout == b"failed\n", "{finished:?}");
    assert!(matches!(finished.code, Some(3 | 5)), "{finished:?}");

    let server = Server::on_disk(directory.path());
    assert_eq!(server.run(&["fetch", "s", "1", "--format", "raw"]).text(), "one\n");
}
