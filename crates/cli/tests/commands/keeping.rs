//! How long messages are kept.

use crate::{command::PATIENCE, server::Server};
use std::time::Instant;

#[test]
fn a_message_is_gone_when_its_time_is_over_and_its_id_is_not_reused() {
    let server = Server::in_memory();
    assert_eq!(server.run(&["publish", "s", "short", "--ttl", "1ms"]).text(), "1\n");
    let begun = Instant::now();
    // It may be asked for before its time is over.
    while server.run(&["fetch", "s", "1"]).code == Some(0) {
        assert!(begun.elapsed() < PATIENCE, "it is still there");
    }
    let gone = server.run(&["fetch", "s", "1"]);
    assert!(gone.sentence(4).contains("expired"), "{gone:?}");
    assert_eq!(server.run(&["publish", "s", "next", "--keep"]).text(), "2\n");
    let all = server.run(&["subscribe", "s", "--count", "1", "--format", "raw"]);
    assert_eq!(all.text(), "next\n");
}

#[test]
fn what_was_acknowledged_survives_a_kill_and_an_orderly_end() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::on_disk(directory.path());
    let published = server.run(&["publish", "s", "one", "--keep", "--format", "json"]);
    assert_eq!(published.text(), "{\"id\":1,\"durability\":\"disk\"}\n");
    server.running.kill();

    let server = Server::on_disk(directory.path());
    assert_eq!(server.run(&["publish", "s", "two", "--ttl", "1h"]).text(), "2\n");
    server.running.signal(rustix::process::Signal::TERM);
    assert_eq!(server.running.finish().code, Some(0));

    let server = Server::on_disk(directory.path());
    let all = server.run(&["subscribe", "s", "--count", "2", "--format", "raw"]);
    assert_eq!(all.text(), "one\ntwo\n");
    assert_eq!(server.run(&["publish", "s", "three", "--keep"]).text(), "3\n");
}
