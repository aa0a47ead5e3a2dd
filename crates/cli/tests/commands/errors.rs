//! What fails, how it is said, and with which exit code.

use crate::{
    command::{broker, run},
    server::Server,
};
use std::net::TcpListener;

/// A port where nobody listens: it was free a moment ago.
fn nobody() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}")
}

#[test]
fn a_broker_that_is_not_there_says_how_to_start_one() {
    let nobody = nobody();
    for verb in [
        &["publish", "s", "body"][..],
        &["publish", "s"],
        &["subscribe", "s"],
        &["fetch", "s", "1"],
        &["health"],
    ] {
        let failed = run(broker(&[verb, &["--server", &nobody]].concat()), b"line\n");
        let sentence = failed.sentence(3);
        assert!(sentence.contains(&nobody) && sentence.contains("broker serve"), "{sentence}");
    }
}

#[test]
fn an_admin_port_that_is_not_there_says_how_to_name_one() {
    let nobody = nobody();
    for verb in [&["subjects"][..], &["purge", "s", "--yes"]] {
        let failed = run(broker(&[verb, &["--admin", &nobody]].concat()), b"");
        let sentence = failed.sentence(3);
        assert!(sentence.contains(&nobody) && sentence.contains("--admin"), "{sentence}");
    }
}

#[test]
fn another_port_is_no_admin_port() {
    let server = Server::in_memory();
    let grpc = format!("http://127.0.0.1:{}", server.port);
    let failed = server.run(&["subjects", "--admin", &grpc]);
    assert!(failed.sentence(1).contains(&grpc), "{failed:?}");
}

#[test]
fn health_of_a_broker_that_serves() {
    let server = Server::in_memory();
    assert_eq!(server.run(&["health"]).text(), "serving\n");
}

#[test]
fn a_message_that_is_not_there_has_a_code_of_its_own() {
    let server = Server::in_memory();
    for id in ["0", "1", "18446744073709551615"] {
        let failed = server.run(&["fetch", "s", id]);
        assert!(failed.sentence(4).contains(id), "{failed:?}");
    }
}

#[test]
fn what_the_broker_refuses_is_said() {
    let server = Server::in_memory();
    let long = "x".repeat(256);
    for (arguments, word) in [
        (&["publish", "", "body"][..], "subject"),
        (&["publish", "a\u{7}", "body"], "subject"),
        (&["publish", &long, "body"], "subject"),
        (&["subscribe", ""], "subject"),
        (&["fetch", "", "1"], "subject"),
        (&["publish", "s", "body", "--ttl", "101y"], "expiration"),
        (&["publish", "s", "body", "--header", "=v"], "header"),
    ] {
        let failed = server.run(arguments);
        assert!(failed.sentence(1).contains(word), "{arguments:?}: {failed:?}");
    }
}

#[test]
fn wrong_usage_is_told_before_anything_is_done() {
    let server = nobody();
    for arguments in [
        &["publish"][..],
        &["publish", "s", "body", "--ttl", "3"],
        &["publish", "s", "body", "--ttl", "3s", "--keep"],
        &["publish", "s", "body", "--file", "f"],
        &["publish", "s", "body", "--header", "novalue"],
        &["subscribe", "s", "--new", "--after", "1"],
        &["subscribe", "s", "--count", "0"],
        &["fetch", "s", "one"],
        &["fetch", "s", "-1"],
        &["health", "--server", "https://127.0.0.1:1"],
        &["subjects", "--admin", "https://127.0.0.1:1"],
        &["subjects", "--admin", "ftp://127.0.0.1:1"],
        &["subjects", "--limit", "0"],
        &["subjects", "--format", "raw"],
        &["purge"],
        &["purge", "s", "--yes", "--up-to", "0"],
        &["purge", "s"],
        &["completions"],
        &["completions", "cmd"],
        &["serve", "--storage", "paper"],
        &["serve", "--listen", "nowhere"],
        &["nonsense"],
        &[],
    ] {
        let mut command = broker(arguments);
        command.env("BROKER_SERVER", &server);
        let failed = run(command, b"");
        assert_eq!(failed.code, Some(2), "{arguments:?}: {failed:?}");
        assert!(!failed.stderr.is_empty());
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let failed = run(broker(&["publish", "s", "--file", "/nonexistent/body"]), b"");
    assert!(failed.sentence(1).contains("/nonexistent/body"), "{failed:?}");
}

#[test]
fn a_file_of_any_size_is_refused_as_too_large() {
    let server = Server::in_memory();
    let endless = server.run(&["publish", "s", "--file", "/dev/zero"]);
    assert!(endless.sentence(1).contains("limit of 4193280 bytes"), "{endless:?}");
}

#[test]
fn help_and_version_are_there() {
    let version = run(broker(&["--version"]), b"");
    assert_eq!(version.text(), concat!("broker ", env!("CARGO_PKG_VERSION"), "\n"));
    let help = run(broker(&["--help"]), b"");
    for word in [
        "serve",
        "publish",
        "subscribe",
        "fetch",
        "health",
        "subjects",
        "purge",
        "completions",
        "Exit codes",
    ] {
        assert!(help.text().contains(word), "{word}");
    }
}
