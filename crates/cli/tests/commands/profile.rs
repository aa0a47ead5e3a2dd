//! Profiles of a running broker.

use crate::{
    command::{Running, run},
    server::{Server, serve},
};
use std::{fs, path::Path, process::Command};

/// A broker that allows profiles.
fn server() -> Server {
    Server::start(serve(&["--storage", "memory", "--profiles", "true"]))
}

/// `broker profile` of so many seconds.
fn profile(server: &Server, kind: &str, seconds: &str, out: &Path) -> Command {
    server.command(&["profile", kind, "--seconds", seconds, "--out", out.to_str().unwrap()])
}

/// Publishes until this is dropped.
fn load(server: &Server) -> Running {
    let mut command = Command::new("sh");
    let publish = server.command(&["publish", "s", "--keep", "--lines", "/dev/stdin"]);
    command.args(["-c", "yes 'a line that is kept' | \"$0\" \"$@\" > /dev/null"]);
    command.arg(publish.get_program()).args(publish.get_args());
    for (name, value) in publish.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Running::start(command)
}

#[test]
fn a_broker_under_load_shows_where_its_time_goes() {
    let folder = tempfile::tempdir().unwrap();
    let server = server();
    let _load = load(&server);
    let image = folder.path().join("cpu.svg");
    run(profile(&server, "cpu", "2", &image), b"").text();
    let text = fs::read_to_string(image).unwrap();
    assert!(text.contains("<svg") && text.contains("broker_core::"), "{} bytes", text.len());
    // One after the other is fine.
    let heap = folder.path().join("heap.pb.gz");
    run(profile(&server, "heap", "2", &heap), b"").text();
    let unpacked = Command::new("gzip").arg("-dc").arg(heap).output().unwrap();
    assert!(unpacked.status.success(), "{unpacked:?}");
    let words = String::from_utf8_lossy(&unpacked.stdout);
    assert!(words.contains("inuse_space") && words.contains("/broker"), "{} bytes", words.len());
    assert_eq!(server.run(&["log-level"]).text(), "info, as at the start\n");
}

#[test]
fn they_are_off_unless_they_are_turned_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_memory();
    for kind in ["cpu", "heap"] {
        let out = folder.path().join(kind);
        let refused = run(profile(&server, kind, "1", &out), b"");
        assert!(refused.sentence(1).contains("--profiles true"), "{refused:?}");
        assert!(!out.exists());
    }
}

#[test]
fn there_is_one_at_a_time_and_one_that_nobody_waits_for_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = server();
    let out = folder.path().join("out");
    let mut long = Running::start(profile(&server, "cpu", "60", &out));
    // Before it stands, the other one would be taken, and this one refused.
    server.running.hear(|line| line.contains("a profile is being taken").then_some(()));
    let busy = || run(profile(&server, "heap", "1", &out), b"").code == Some(3);
    assert!(busy());
    long.kill();
    // The broker hears a little later that nobody waits.
    while busy() {}
}
