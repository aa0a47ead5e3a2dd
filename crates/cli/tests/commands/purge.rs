//! Removing messages, and being asked before.

use crate::{
    command::{Running, broker, run},
    server::Server,
    terminal::{TYPED, Terminal},
};
use rustix::process::Signal;

fn publish(server: &Server, name: &str, bodies: &[&str]) {
    let lines: String = bodies.iter().map(|body| format!("{body}\n")).collect();
    server.run_with(&["publish", name, "--keep"], lines.as_bytes()).text();
}

/// The ids of one to `last` that are there; the others must be said to be gone.
fn there(server: &Server, name: &str, last: u64) -> Vec<u64> {
    let is_there = |id: &u64| {
        let fetched = server.run(&["fetch", name, &id.to_string()]);
        if fetched.code != Some(0) {
            assert!(fetched.sentence(4).contains("expired or was purged"), "{fetched:?}");
        }
        fetched.code == Some(0)
    };
    (1..=last).filter(is_there).collect()
}

#[test]
fn what_is_purged_is_gone_now_and_after_every_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::on_disk(directory.path());
    publish(&server, "s", &["one", "two", "three", "four"]);
    publish(&server, "other", &["one"]);
    let purged = server.run(&["purge", "s", "--up-to", "3", "--yes"]);
    assert_eq!(purged.text(), "removed 3 messages (11 B) of s, up to id 3\n");
    assert_eq!(there(&server, "s", 4), [4]);
    server.running.kill();

    let mut server = Server::on_disk(directory.path());
    assert_eq!(there(&server, "s", 4), [4]);
    assert_eq!(there(&server, "other", 1), [1]);
    let purged = server.run(&["purge", "s", "--yes", "--format", "json"]);
    assert_eq!(purged.text(), "{\"subject\":\"s\",\"up_to\":4,\"messages\":1,\"bytes\":4}\n");
    server.running.hear(|line| line.contains("\"purged\"").then_some(()));
    server.running.signal(Signal::TERM);
    assert_eq!(server.running.finish().code, Some(0));

    let server = Server::on_disk(directory.path());
    assert_eq!(there(&server, "s", 4), [0; 0]);
    assert_eq!(server.run(&["subjects"]).text(), "1\t1\t3\t-\tother\n4\t0\t0\t-\ts\n");
    assert_eq!(server.run(&["publish", "s", "five", "--keep"]).text(), "5\n");
    let all = server.run(&["subscribe", "s", "--count", "1", "--format", "raw"]);
    assert_eq!(all.text(), "five\n");
}

#[test]
fn the_log_says_what_was_purged() {
    let mut server = Server::in_memory();
    publish(&server, "orders", &["one", "two"]);
    server.run(&["purge", "orders", "--up-to", "1", "--yes"]).text();
    let line = server.running.hear(|line| line.contains("purged").then(|| line.to_owned()));
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["subject"], "orders");
    assert_eq!(["up_to", "messages", "bytes"].map(|name| line[name].as_u64()), [1, 1, 3].map(Some));
}

#[test]
fn a_subscriber_goes_on_behind_what_is_purged() {
    let server = Server::in_memory();
    publish(&server, "s", &["one", "two"]);
    let mut subscribing = Running::start(server.command(&["subscribe", "s", "--format", "raw"]));
    assert_eq!([subscribing.line(), subscribing.line()], ["one", "two"]);
    server.run(&["purge", "s", "--yes"]).text();
    publish(&server, "s", &["three"]);
    assert_eq!(subscribing.line(), "three");
    let again = server.run(&["subscribe", "s", "--count", "1", "--format", "raw"]);
    assert_eq!(again.text(), "three\n");
}

#[test]
fn a_person_is_asked_and_only_yes_is_yes() {
    let server = Server::in_memory();
    publish(&server, "s", &["one", "two", "three"]);
    for (answer, code, left) in [
        ("\n", 1, &[1, 2, 3][..]),
        ("n\n", 1, &[1, 2, 3]),
        ("yess\n", 1, &[1, 2, 3]),
        // The end of the input.
        ("\u{4}", 1, &[1, 2, 3]),
        ("y\n", 0, &[3]),
    ] {
        let mut terminal = Terminal::start(server.command(&["purge", "s", "--up-to", "2"]), TYPED);
        terminal.sees("remove 2 messages (6 B) of s, up to id 2? [y/N] ");
        terminal.types(answer);
        let (found, shown) = terminal.finish();
        assert_eq!(found, Some(code), "{answer:?}: {shown}");
        let word = if code == 0 { "removed 2 messages (6 B)" } else { "nothing was removed" };
        assert!(shown.contains(word), "{answer:?}: {shown}");
        assert_eq!(there(&server, "s", 3), left, "{answer:?}");
    }
    let (code, shown) = Terminal::start(server.command(&["purge", "s", "--yes"]), TYPED).finish();
    assert_eq!((code, shown.as_str()), (Some(0), "removed 1 message (5 B) of s, up to id 3\n"));
    // Of nothing there is nothing to ask.
    let (code, shown) = Terminal::start(server.command(&["purge", "s"]), TYPED).finish();
    assert_eq!((code, shown.as_str()), (Some(0), "removed 0 messages (0 B) of s, up to id 3\n"));
}

#[test]
fn what_comes_while_a_person_thinks_stays() {
    let server = Server::in_memory();
    publish(&server, "s", &["one"]);
    let mut terminal = Terminal::start(server.command(&["purge", "s"]), TYPED);
    terminal.sees("up to id 1? [y/N] ");
    publish(&server, "s", &["two"]);
    terminal.types("yes\n");
    assert_eq!(terminal.finish().0, Some(0));
    assert_eq!(there(&server, "s", 2), [2]);
}

#[test]
fn ctrl_c_at_the_question_removes_nothing() {
    let server = Server::in_memory();
    publish(&server, "s", &["one"]);
    let mut terminal = Terminal::start(server.command(&["purge", "s"]), TYPED);
    terminal.sees("[y/N] ");
    terminal.interrupt();
    assert_eq!(terminal.finish().0, Some(130));
    assert_eq!(there(&server, "s", 1), [1]);
}

#[test]
fn a_script_must_say_yes() {
    let server = Server::in_memory();
    publish(&server, "s", &["one"]);
    let failed = server.run_with(&["purge", "s"], b"y\n");
    assert!(failed.sentence(2).contains("--yes"), "{failed:?}");
    assert_eq!(there(&server, "s", 1), [1]);
}

#[test]
fn what_cannot_be_purged_is_said() {
    let server = Server::in_memory();
    publish(&server, "s", &["one", "two"]);
    server.run(&["publish", "heard", "x"]).text();
    for name in ["never", "heard"] {
        let failed = server.run(&["purge", name, "--yes"]);
        assert!(failed.sentence(4).contains(name), "{failed:?}");
    }
    let ahead = server.run(&["purge", "s", "--yes", "--up-to", "3"]);
    let sentence = ahead.sentence(1);
    assert!(sentence.contains("up_to is 3") && sentence.contains('2'), "{sentence}");
    let bad = server.run(&["purge", "a\u{7}", "--yes"]);
    assert!(bad.sentence(1).contains("subject"), "{bad:?}");
    assert_eq!(there(&server, "s", 2), [1, 2]);
}

#[test]
fn an_answer_that_is_lost_leaves_the_outcome_open() {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = format!("http://{}", listener.local_addr().unwrap());
    // It counts, and goes when it is asked to purge.
    let counting = thread::spawn(move || {
        let asked = || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                let mut part = [0; 4096];
                let length = stream.read(&mut part).unwrap();
                request.extend_from_slice(&part[..length]);
            }
            (stream, String::from_utf8(request).unwrap())
        };
        let (mut stream, request) = asked();
        assert!(request.starts_with("POST /v1/count "), "{request}");
        let row = r#"{"subject":"s","last_id":1,"messages":1,"bytes":1,"next_expiry":null,"#;
        let body = format!("{row}\"up_to\":1,\"next\":null}}");
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let (_, request) = asked();
        assert!(request.starts_with("POST /v1/purge "), "{request}");
        assert!(request.ends_with("{\"subject\":\"s\",\"up_to\":1}"), "{request}");
    });
    let failed = run(broker(&["purge", "s", "--yes", "--admin", &admin]), b"");
    assert!(failed.sentence(5).contains("no harm"), "{failed:?}");
    counting.join().unwrap();
}
