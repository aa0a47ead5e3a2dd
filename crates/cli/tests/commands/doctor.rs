//! What a doctor finds before, beside and instead of a broker.

use crate::{
    command::{Finished, broker, run},
    server::Server,
};
use serde_json::Value;
use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt, path::Path};

/// The findings of a store in that directory, on free ports unless something else is said.
fn examine(directory: &Path, arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
    let mut command = broker(&["doctor", "--format", "json"]);
    command.args(["--data-dir", directory.to_str().unwrap()]).args(arguments);
    if !arguments.contains(&"--listen") {
        command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    }
    let Finished { code, stdout, stderr } = run(command, b"");
    assert_eq!(stderr, "");
    let text = String::from_utf8(stdout).unwrap();
    (code, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// The sentences of a name and a level.
fn told(findings: &[Value], level: &str, name: &str) -> Vec<String> {
    let these = findings.iter().filter(|one| one["level"] == level && one["name"] == name);
    these.map(|one| one["finding"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_place_where_a_broker_can_be_started_is_fine_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (code, findings) = examine(&data, &[]);
    assert_eq!(code, Some(0), "{findings:?}");
    for name in [
        "settings",
        "versions",
        "listen",
        "admin-listen",
        "open files",
        "memory",
        "data-dir",
        "disk space",
        "disk syncs",
        "clock",
    ] {
        assert!(findings.iter().any(|one| one["name"] == name), "{name} in {findings:?}");
    }
    for one in &findings {
        let needs_advice = one["level"] != "ok";
        assert_eq!(one["advice"].is_string(), needs_advice, "{one}");
    }
    assert!(!data.exists());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_running_broker_is_found_and_not_disturbed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::on_disk(folder.path());
    server.run(&["publish", "s", "x", "--keep"]).text();
    let before = names(folder.path());
    let (grpc, admin) =
        (format!("127.0.0.1:{}", server.port), format!("127.0.0.1:{}", server.admin_port));
    let (code, findings) = examine(folder.path(), &["--listen", &grpc, "--admin-listen", &admin]);
    assert_eq!(code, Some(0), "{findings:?}");
    assert_eq!(told(&findings, "ok", "broker"), ["one runs here and is serving"]);
    for name in ["listen", "admin-listen"] {
        let sentences = told(&findings, "ok", name);
        assert!(sentences[0].ends_with("is held by a broker that answers"), "{sentences:?}");
    }
    let directory = told(&findings, "ok", "data-dir").join("\n");
    assert!(directory.contains(" has the store in "), "{directory}");
    assert_eq!(told(&findings, "ok", "store"), ["1 segments"]);
    assert_eq!(names(folder.path()), before);
    assert_eq!(server.run(&["publish", "s", "x", "--keep"]).text(), "2\n");
}

#[test]
fn what_would_stop_a_broker_is_bad() {
    let folder = tempfile::tempdir().unwrap();
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = stranger.local_addr().unwrap().to_string();
    let ports = ["--listen", &taken, "--admin-listen", "127.0.0.1:0"];
    let (code, findings) = examine(folder.path(), &ports);
    assert_eq!(code, Some(1));
    assert!(told(&findings, "bad", "listen")[0].contains(&taken), "{findings:?}");

    let file = folder.path().join("file");
    fs::write(&file, "no directory").unwrap();
    let (code, findings) = examine(&file, &[]);
    assert_eq!(code, Some(1));
    assert!(told(&findings, "bad", "data-dir")[0].contains("is no directory"), "{findings:?}");

    let (code, findings) = examine(folder.path(), &["--max-connections", "1000000"]);
    assert_eq!(code, Some(1));
    assert!(told(&findings, "bad", "open files")[0].contains("1000384"), "{findings:?}");

    let (code, findings) = examine(folder.path(), &["--grace", "soon"]);
    assert_eq!((code, findings.len()), (Some(1), 1));
    assert!(told(&findings, "bad", "settings")[0].contains("--grace is `soon`"), "{findings:?}");
}

#[test]
fn what_weakens_a_promise_is_warned_of_and_not_bad() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let ports = ["--listen", "0.0.0.0:0", "--admin-listen", "127.0.0.1:0"];
    let (code, findings) = examine(folder.path(), &ports);
    assert_eq!(code, Some(0), "{findings:?}");
    assert_eq!(told(&findings, "warn", "listen").len(), 1);
    assert!(told(&findings, "warn", "data-dir")[0].contains("mode 755"), "{findings:?}");
}

#[test]
fn a_memory_store_has_no_disk_and_text_is_for_persons() {
    let arguments = ["doctor", "--storage", "memory", "--listen", "127.0.0.1:0"];
    let mut command = broker(&arguments);
    command.args(["--admin-listen", "127.0.0.1:0"]);
    let finished = run(command, b"");
    let text = finished.text();
    assert!(text.contains("ok    store: it is the process's memory"), "{text}");
    assert!(!text.contains("disk") && !text.contains("data-dir"), "{text}");
}

/// The files of a store.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
