//! One message a line from standard input.

use crate::{command::Running, server::Server};
use serde_json::Value;

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
    assert_eq!(told[1], "broker: 2 of 3 messages acknowledged; line 2 is the first that was not");

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
fn a_refused_subject_fails_every_line() {
    let server = Server::in_memory();
    let published = server.run_with(&["publish", "a\nb"], b"one\ntwo\n");
    assert_eq!(published.code, Some(1));
    assert_eq!(published.stdout, b"failed\nfailed\n");
    assert!(
        published
            .stderr
            .ends_with("0 of 2 messages acknowledged; line 1 is the first that was not\n")
    );
}

#[test]
fn ctrl_c_ends_after_what_was_read_is_acknowledged() {
    let server = Server::in_memory();
    let mut publishing = Running::start(server.command(&["publish", "s", "--keep"]));
    publishing.input(b"one\n");
    assert_eq!(publishing.line(), "1");
    publishing.signal(rustix::process::Signal::INT);
    publishing.hear(|line| (line == "broker: 1 messages acknowledged\n").then_some(()));
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
    assert!(finished.stderr.contains("1 messages acknowledged"), "{finished:?}");
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
