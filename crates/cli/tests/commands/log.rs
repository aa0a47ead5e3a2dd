//! The log of a running broker: its level, and readers that are slow or not there.

use crate::{
    command::{PATIENCE, Running, run},
    server::Server,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    fs::File,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::channel,
    thread,
    time::Instant,
};

/// The lines of a log.
fn objects(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_level_is_told_and_changed_until_a_restart() {
    let server = Server::in_memory();
    let level =
        |arguments: &[&str]| server.run(&[&["log-level"], arguments].concat()).text().to_owned();
    assert_eq!(level(&[]), "info, as at the start\n");
    assert_eq!(level(&["debug"]), "debug until a restart, and then info\n");
    assert_eq!(level(&["--format", "json"]), "{\"level\":\"debug\",\"start\":\"info\"}\n");
    level(&["off"]);
    level(&["warn,broker=info"]);
    server.running.signal(Signal::TERM);
    let lines = objects(&server.running.finish().stderr);
    let changes: Vec<_> = lines.iter().filter(|line| line["from"].is_string()).collect();
    let texts =
        changes.iter().map(|line| (line["from"].as_str().unwrap(), line["to"].as_str().unwrap()));
    let expected = [("info", "debug"), ("debug", "off"), ("off", "warn,broker=info")];
    assert_eq!(texts.collect::<Vec<_>>(), expected);
    for line in &changes {
        assert_eq!(line["message"], "the log's level was changed");
        assert!(line["by"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
    }
    assert!(lines.iter().any(|line| line["message"] == "closed"), "{lines:?}");
}

#[test]
fn a_level_that_is_none_is_refused_and_changes_nothing() {
    let server = Server::in_memory();
    for wrong in ["loud", "h2=loud", "info,[call]=debug"] {
        let refused = server.run(&["log-level", wrong]);
        let sentence = refused.sentence(1);
        assert!(sentence.contains("level is") && sentence.contains("error, warn"), "{sentence}");
    }
    assert_eq!(server.run(&["log-level"]).text(), "info, as at the start\n");
}

#[test]
fn more_is_logged_from_then_on() {
    let mut server = Server::in_memory();
    server.run(&["log-level", "trace"]).text();
    let secret = "a body that is nobody's business";
    server.run(&["publish", "s", secret, "--header", "key=nobody's business"]).text();
    server.running.hear(|line| line.contains("\"level\":\"TRACE\"").then_some(()));
    server.run(&["log-level", "info"]).text();
    server.running.signal(Signal::TERM);
    let log = server.running.finish().stderr;
    assert!(!log.contains("nobody's business"), "a message is in the log");
}

#[test]
fn a_broker_without_standard_error_works() {
    let directory = tempfile::tempdir().unwrap();
    let (address, admin) = (free_address(), free_address());
    let data = directory.path().to_str().unwrap();
    let mut command = Command::new("sh");
    let broker = crate::command::broker(&["serve", "--data-dir", data]);
    command.args(["-c", "exec 2>&-; exec \"$@\"", "sh"]).arg(broker.get_program());
    command.args(broker.get_args()).args(["--listen", &address, "--admin-listen", &admin]);
    crate::environment::clear_settings(&mut command);
    let running = Running::start(command);
    wait_for(&address);
    running.signal(Signal::TERM);
    let finished = running.finish();
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_log_that_nobody_reads_holds_nobody_up() {
    let (mut child, address) = serving("trace", Stdio::piped());
    let mut log = child.stderr.take().unwrap();
    flood(&address);
    // Whoever comes late reads how much is missing, and the end.
    let (sender, lines) = channel();
    let reading = thread::spawn(move || {
        for line in BufReader::new(&mut log).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    let told = |line: String| {
        let line: Value = serde_json::from_str(&line).unwrap();
        line["message"].as_str().unwrap().starts_with("lines of the log were dropped").then(|| {
            assert_eq!(line["level"], "WARN");
            line["dropped"].as_u64().unwrap()
        })
    };
    let dropped = loop {
        let line = lines.recv_timeout(PATIENCE).expect("what was dropped is told");
        if let Some(dropped) = told(line) {
            break dropped;
        }
    };
    assert!(dropped > 0);
    terminate(&child);
    let last = lines.iter().last().unwrap();
    reading.join().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(last.contains("\"closed\""), "{last}");
}

#[test]
fn a_broker_ends_though_its_log_is_not_read() {
    let (mut child, address) = serving("trace", Stdio::piped());
    let _unread = child.stderr.take().unwrap();
    flood(&address);
    terminate(&child);
    let (sender, ended) = channel();
    let waiting = thread::spawn(move || {
        let _ = sender.send(child.wait().unwrap().code());
    });
    assert_eq!(ended.recv_timeout(PATIENCE).expect("it ends"), Some(0));
    waiting.join().unwrap();
}

#[test]
fn a_disk_that_is_full_of_log_stops_nobody() {
    // What is written there is refused at once.
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (mut child, _) = serving("info", full);
    terminate(&child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A broker that serves and logs there, and its address.
fn serving(level: &str, log: impl Into<Stdio>) -> (Child, String) {
    let (address, admin) = (free_address(), free_address());
    let mut command = crate::command::broker(&["serve", "--storage", "memory"]);
    command.args(["--log-level", level, "--listen", &address, "--admin-listen", &admin]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let child = command.spawn().unwrap();
    wait_for(&address);
    (child, address)
}

fn terminate(child: &Child) {
    kill_process(Pid::from_child(child), Signal::TERM).unwrap();
}

/// An address of loopback that was free a moment ago: a broker that says nothing cannot say its port.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Has a broker that traces say far more than a pipe and the queue take: every frame is many lines.
fn flood(address: &str) {
    let body = format!("{}\n", "x".repeat(4_000)).repeat(8_000);
    let mut publish = crate::command::broker(&["publish", "s"]);
    publish.env("BROKER_SERVER", format!("http://{address}"));
    let published = run(publish, body.as_bytes());
    assert_eq!(published.code, Some(0), "{published:?}");
}

/// Waits until a broker serves there.
fn wait_for(address: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut health = crate::command::broker(&["health"]);
        health.env("BROKER_SERVER", format!("http://{address}"));
        if run(health, b"").code == Some(0) {
            return;
        }
        assert!(Instant::now() < deadline, "nobody serves at {address}");
    }
}
