//! Starting and ending a broker.

use crate::{
    command::{Running, run},
    server::{Server, serve},
};
use rustix::process::Signal;
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

#[test]
fn both_signals_end_it_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let server = Server::in_memory();
        server.run(&["publish", "s", "body", "--keep"]).text();
        server.running.signal(signal);
        let finished = server.running.finish();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(finished.stderr.contains("\"closing\"") && finished.stderr.contains("\"closed\""));
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let server = Server::in_memory();
    server.running.signal(Signal::TERM);
    server.running.signal(Signal::INT);
    let finished = server.running.finish();
    assert_eq!(finished.code, Some(130), "{finished:?}");
    assert!(!finished.stderr.contains("\"closed\""), "{finished:?}");
}

#[test]
fn it_ends_while_clients_are_there() {
    let server = Server::in_memory();
    server.run(&["publish", "s", "body", "--keep"]).text();
    let mut subscribing =
        Running::start(server.command(&["subscribe", "s", "--format", "raw", "--retry-for", "0s"]));
    assert_eq!(subscribing.line(), "body");
    server.running.signal(Signal::TERM);
    assert_eq!(server.running.finish().code, Some(0));
    subscribing.finish().sentence(3);
}

#[test]
fn a_taken_port_is_one_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--listen", "--admin-listen"] {
        let other = if flag == "--listen" { "--admin-listen" } else { "--listen" };
        let mut command = crate::command::broker(&["serve", "--storage", "memory"]);
        command.args([flag, &address, other, "127.0.0.1:0", "--log-level", "error"]);
        let failed = run(command, b"");
        assert!(failed.last_word().contains(&address), "{failed:?}");
    }
}

#[test]
fn a_directory_that_cannot_be_opened_is_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, b"no directory").unwrap();
    for path in [file.clone(), file.join("below")] {
        let path = path.to_str().unwrap();
        let failed = run(serve(&["--data-dir", path, "--log-level", "error"]), b"");
        assert!(failed.last_word().contains(path), "{failed:?}");
    }
}

#[test]
fn a_second_broker_on_the_same_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::on_disk(directory.path());
    let path = directory.path().to_str().unwrap();
    let failed = run(serve(&["--data-dir", path, "--log-level", "error"]), b"");
    assert!(failed.last_word().contains(path), "{failed:?}");
    assert_eq!(server.run(&["publish", "s", "body", "--keep"]).text(), "1\n");
}

#[test]
fn every_setting_may_come_from_the_environment() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = crate::command::broker(&["serve"]);
    command
        .env("BROKER_STORAGE", "local")
        .env("BROKER_DATA_DIR", directory.path().join("data"))
        .env("BROKER_LISTEN", "127.0.0.1:0")
        .env("BROKER_ADMIN_LISTEN", "127.0.0.1:0")
        .env("BROKER_GRACE", "5s")
        .env("BROKER_LOG_FORMAT", "json");
    let server = Server::start(command);
    let published = server.run(&["publish", "s", "body", "--keep", "--format", "json"]);
    assert_eq!(published.text(), "{\"id\":1,\"durability\":\"disk\"}\n");
    assert!(directory.path().join("data").is_dir());
}

#[test]
fn the_default_store_is_a_directory_below_the_working_directory() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = serve(&[]);
    command.current_dir(directory.path());
    let server = Server::start(command);
    assert_eq!(server.run(&["publish", "s", "body", "--keep"]).text(), "1\n");
    assert!(directory.path().join("broker-data").is_dir());
}

#[test]
fn the_admin_port_says_that_it_is_ready() {
    let server = Server::in_memory();
    server.run(&["health"]).text();
    let mut stream =
        TcpStream::connect(("127.0.0.1", server.admin_port.try_into().unwrap())).unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: broker\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn the_log_says_what_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    for messages in [0, 1] {
        let server = Server::start(serve(&["--data-dir", path]));
        server.run(&["publish", "s", "body", "--keep"]).text();
        server.running.signal(Signal::TERM);
        let finished = server.running.finish();
        let mut rest = finished.stderr.as_str();
        for step in [
            "storage type chosen: local",
            "index ready: 0 sealed segments",
            &format!("that of the active one has {messages} messages"),
            "last ids found: ",
            "expired messages dealt with: ",
            "store open: ",
            "gRPC server listening on port ",
            "closing",
            "closed",
        ] {
            let at = rest.find(step).unwrap_or_else(|| panic!("no {step:?} in {rest}"));
            rest = &rest[at + step.len()..];
        }
    }
}

#[test]
fn a_log_for_persons_can_be_asked_for() {
    let mut running = Running::start(serve(&["--storage", "memory", "--log-format", "text"]));
    let line = running.hear(|line| line.contains("storage type chosen").then(|| line.to_owned()));
    assert!(!line.starts_with('{'), "{line}");
}
