//! Following a subject.

use crate::{
    command::{PATIENCE, Running, run},
    server::Server,
};
use rustix::process::Signal;
use std::{process::Stdio, time::Instant};

#[test]
fn what_is_kept_comes_first_and_then_what_is_new() {
    let server = Server::in_memory();
    server.run_with(&["publish", "s", "--keep"], b"one\ntwo\n").text();
    let mut subscribing = Running::start(server.command(&["subscribe", "s", "--format", "raw"]));
    assert_eq!([subscribing.line(), subscribing.line()], ["one", "two"]);
    server.run(&["publish", "s", "three", "--keep"]).text();
    server.run(&["publish", "s", "four"]).text();
    assert_eq!([subscribing.line(), subscribing.line()], ["three", "four"]);
    subscribing.signal(Signal::INT);
    let finished = subscribing.finish();
    assert_eq!((finished.text(), finished.stderr.as_str()), ("", ""));
}

#[test]
fn after_begins_above_an_id() {
    let server = Server::in_memory();
    server.run_with(&["publish", "s", "--keep"], b"one\ntwo\nthree\n").text();
    let rest = server.run(&["subscribe", "s", "--after", "1", "--count", "2", "--format", "raw"]);
    assert_eq!(rest.text(), "two\nthree\n");
    let ahead = server.run(&["subscribe", "s", "--after", "4"]);
    assert!(ahead.sentence(1).contains("--after"), "{ahead:?}");
}

#[test]
fn new_begins_with_what_is_new() {
    let server = Server::in_memory();
    server.run(&["publish", "s", "old", "--keep"]).text();
    let subscribing = Running::start(server.command(&[
        "subscribe",
        "s",
        "--new",
        "--count",
        "1",
        "--format",
        "raw",
    ]));
    // When it stands cannot be seen from outside: publish until something arrives.
    let mut publishing = Running::start(server.command(&["publish", "s", "--format", "json"]));
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < PATIENCE, "nothing arrives");
        publishing.input(b"new\n");
        publishing.line();
        if let Some(line) = subscribing.try_line() {
            assert_eq!(line, "new");
            break;
        }
    }
    assert_eq!(subscribing.finish().code, Some(0));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let server = Server::in_memory();
    let input = "line\n".repeat(20_000);
    server.run_with(&["publish", "s", "--keep"], input.as_bytes()).text();
    let mut command = server.command(&["subscribe", "s"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &output.stderr[..]), (Some(0), &b""[..]));
}

#[test]
fn a_broker_that_comes_back_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::on_disk(directory.path());
    server.run_with(&["publish", "s", "--keep"], b"one\ntwo\n").text();
    let follow = ["subscribe", "s", "--format", "raw", "--count", "4"];
    let mut subscribing = Running::start(server.command(&follow));
    assert_eq!([subscribing.line(), subscribing.line()], ["one", "two"]);
    for next in ["three", "four"] {
        server.running.kill();
        subscribing.hear(|line| line.ends_with("; trying again\n").then_some(()));
        server = Server::on_disk_at(directory.path(), server.port);
        server.run(&["publish", "s", next, "--keep"]).text();
        subscribing.hear(|line| line.contains("connected again").then_some(()));
        assert_eq!(subscribing.line(), next);
    }
    assert_eq!(subscribing.finish().code, Some(0));
}

#[test]
fn a_broker_that_leaves_is_an_error_that_says_where_to_go_on() {
    for patience in ["0s", "300ms"] {
        let server = Server::in_memory();
        server.run_with(&["publish", "s", "--keep"], b"one\ntwo\n").text();
        let follow = ["subscribe", "s", "--format", "raw", "--retry-for", patience];
        let mut subscribing = Running::start(server.command(&follow));
        assert_eq!([subscribing.line(), subscribing.line()], ["one", "two"]);
        server.running.signal(Signal::TERM);
        let finished = subscribing.finish();
        assert_eq!(finished.code, Some(3), "{finished:?}");
        let last = finished.stderr.lines().last();
        assert!(last.is_some_and(|line| line.contains("--after 2")), "{finished:?}");
    }
}

#[test]
fn a_terminal_is_never_given_what_a_message_says_to_it() {
    let server = Server::in_memory();
    server.run(&["publish", "s", "\x1b[2J", "--keep", "--header", "k=\x07"]).text();
    let shown = run(server.command(&["subscribe", "s", "--count", "1"]), b"");
    assert!(shown.text().ends_with("  k=\\u{7}  \\u{1b}[2J\n"), "{shown:?}");
}
