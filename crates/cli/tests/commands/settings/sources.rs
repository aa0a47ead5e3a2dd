//! Where settings come from.

use super::Place;
use crate::{
    command::{Running, run},
    server::{Server, serve},
};
use std::{fs, os::unix::fs::symlink};

#[test]
fn each_source_is_read_and_the_stronger_one_wins() {
    let flags = &["--grace", "1s"][..];
    let variables = &[("BROKER_GRACE", "2s")][..];
    let both = Place::new().with(".env", "\nBROKER_GRACE=3s").with("broker.toml", "grace = '4s'");
    let toml = Place::new().with("broker.toml", "grace = '4s'");
    for (place, flags, variables, expected) in [
        (&both, flags, variables, "1s flag --grace"),
        (&both, &[], variables, "2s environment BROKER_GRACE"),
        (&both, &[], &[], "3s .env BROKER_GRACE 2"),
        (&toml, &[], &[], "4s file grace 1"),
        (&Place::new(), &[], &[], "30s default"),
    ] {
        assert_eq!(place.holds("grace", flags, variables), expected);
    }
}

#[test]
fn old_names_are_read_in_both_environments() {
    let place = Place::new().with(".env", "APPLICATION_PORT=9000\nBROKER_ADMIN_LISTEN=[::1]:1\n");
    let old = &[("APPLICATION_PROM_PORT", "9101"), ("STORAGE_TYPE", "NOT_PERSISTED")];
    assert_eq!(place.holds("storage", &[], old), "memory environment STORAGE_TYPE");
    assert_eq!(place.holds("listen", &[], old), "127.0.0.1:9000 .env APPLICATION_PORT 1");
    // The source decides before the name does.
    let admin = place.holds("admin-listen", &[], old);
    assert_eq!(admin, "127.0.0.1:9101 environment APPLICATION_PROM_PORT");
    let admin = place.holds("admin-listen", &[], &[]);
    assert_eq!(admin, "[::1]:1 .env BROKER_ADMIN_LISTEN 2");
    let new = &[("BROKER_LISTEN", "127.0.0.1:1"), ("APPLICATION_PORT", "2")];
    assert_eq!(place.holds("listen", &[], new), "127.0.0.1:1 environment BROKER_LISTEN");
}

#[test]
fn the_file_may_be_named_by_every_source_but_itself() {
    let place = Place::new()
        .with("a.toml", "grace = '1s'")
        .with("b.toml", "grace = '2s'")
        .with("c.toml", "grace = '3s'")
        .with("broker.toml", "grace = '4s'")
        .with(".env", "BROKER_CONFIG=c.toml");
    let variables = &[("BROKER_CONFIG", "b.toml")];
    assert_eq!(place.holds("grace", &["--config", "a.toml"], variables), "1s file grace 1");
    assert_eq!(place.holds("grace", &[], variables), "2s file grace 1");
    assert_eq!(place.holds("grace", &[], &[]), "3s file grace 1");
    fs::remove_file(place.path().join(".env")).unwrap();
    assert_eq!(place.holds("grace", &[], &[]), "4s file grace 1");
    assert_eq!(place.holds("grace", &["--config", "/dev/null"], &[]), "30s default");
}

#[test]
fn a_dotenv_of_compose_is_read() {
    let text = "\u{feff}# settings\r\n\r\nexport BROKER_GRACE=\"5s\" # soon\r\n\
                BROKER_LISTEN: '127.0.0.1:1'\r\nOTHER=\"one\r\ntwo\"\r\nBROKER_MAX_CALLS = 11000\r\n";
    let place = Place::new().with(".env", text);
    assert_eq!(place.holds("grace", &[], &[]), "5s .env BROKER_GRACE 3");
    assert_eq!(place.holds("listen", &[], &[]), "127.0.0.1:1 .env BROKER_LISTEN 4");
    assert_eq!(place.holds("max-calls", &[], &[]), "11000 .env BROKER_MAX_CALLS 7");
}

#[test]
fn an_empty_variable_is_not_set() {
    let place = Place::new().with(".env", "BROKER_GRACE=5s");
    assert_eq!(place.holds("grace", &[], &[("BROKER_GRACE", "")]), "5s .env BROKER_GRACE 1");
    assert_eq!(place.holds("listen", &[], &[("BROKER_LISTEN", "")]), "127.0.0.1:8080 default");
}

#[test]
fn a_folder_named_dotenv_is_no_file_and_a_link_is_one() {
    let place = Place::new();
    fs::create_dir(place.path().join(".env")).unwrap();
    assert_eq!(place.holds("grace", &[], &[]), "30s default");
    let linked = Place::new().with("real", "BROKER_GRACE=5s");
    symlink("real", linked.path().join(".env")).unwrap();
    assert_eq!(linked.holds("grace", &[], &[]), "5s .env BROKER_GRACE 1");
}

#[test]
fn serve_runs_with_what_config_shows() {
    let place = Place::new()
        .with("broker.toml", "data-dir = 'here'\nlog-format = 'json'\n")
        .with(".env", "APPLICATION_PORT=0\nAPPLICATION_PROM_PORT=0\n");
    let mut running = Running::start(place.command(&["serve"]));
    let summary = running.hear(|line| line.contains("settings read").then(|| line.to_owned()));
    assert!(summary.contains("the environment (0), .env (2), broker.toml (2); "), "{summary}");
    running.hear(|line| line.contains("gRPC server listening").then_some(()));
    assert!(place.path().join("here").is_dir());
}

#[test]
fn a_limit_reaches_the_broker() {
    let place = Place::new().with(".env", "BROKER_MAX_STORE_MESSAGES=1");
    let mut command = serve(&["--storage", "memory"]);
    command.current_dir(place.path());
    let server = Server::start(command);
    assert_eq!(server.run(&["publish", "s", "one", "--keep"]).text(), "1\n");
    let full = server.run(&["publish", "s", "two", "--keep"]);
    assert!(full.sentence(3).contains("memory store messages"), "{full:?}");
}

#[test]
fn client_verbs_find_their_broker_in_dotenv() {
    let server = Server::in_memory();
    let url = format!("http://127.0.0.1:{}", server.port);
    let admin = format!("http://127.0.0.1:{}", server.admin_port);
    let dotenv = format!("# ours\nBROKER_SERVER={url}\nBROKER_ADMIN={admin}\n");
    let place = Place::new().with(".env", dotenv);
    for arguments in [
        &["publish", "s", "body", "--keep"][..],
        &["fetch", "s", "1"],
        &["subscribe", "s", "--count", "1"],
        &["health"],
        &["subjects"],
        &["purge", "s", "--yes"],
    ] {
        let finished = run(place.command(arguments), b"");
        assert_eq!(finished.code, Some(0), "{arguments:?}: {finished:?}");
    }
    // The environment and the flag are stronger, and an empty variable is none.
    let nobody = "http://127.0.0.1:1";
    let mut command = place.command(&["health"]);
    command.env("BROKER_SERVER", nobody);
    assert!(run(command, b"").sentence(3).contains(nobody));
    let mut command = place.command(&["health", "--server", &url]);
    command.env("BROKER_SERVER", nobody);
    assert_eq!(run(command, b"").text(), "serving\n");
    let mut command = place.command(&["health"]);
    command.env("BROKER_SERVER", "");
    assert_eq!(run(command, b"").text(), "serving\n");
}

#[test]
fn client_verbs_read_dotenv_only_if_they_need_it() {
    let server = Server::in_memory();
    let place = Place::new().with(".env", "\nwhat is this\n");
    let mut command = server.command(&["health"]);
    command.current_dir(place.path());
    assert_eq!(run(command, b"").text(), "serving\n");
    let refused = run(place.command(&["health"]), b"");
    assert!(refused.sentence(2).starts_with(".env:2 cannot be read: "), "{refused:?}");
}
