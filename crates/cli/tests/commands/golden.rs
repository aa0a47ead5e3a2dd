//! The output as it stands in a pipe and on a terminal. What differs from run to run (times, ports)
//! is masked, and escapes are written as `^[`.

use crate::{
    command::{Finished, broker, run},
    server::{Server, serve},
    terminal::{TYPED, Terminal, Wiring},
};
use insta::{Settings, assert_snapshot};
use std::{io::Write, process::Command};

fn masked(check: impl FnOnce()) {
    let mut settings = Settings::clone_current();
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME");
    settings.add_filter(r"127\.0\.0\.1:\d+", "ADDRESS");
    settings.add_filter(r"\d+\.\d s, \d+ a second", "SPEED");
    settings.add_filter(r"on port \d+", "on port PORT");
    settings.add_filter(r"(port|took_ms)(\S*=\^\[\[0m)\d+", "${1}${2}NUMBER");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(check);
}

/// A run as its user sees it: output, complaints and exit code.
fn whole(finished: &Finished) -> String {
    let stdout = String::from_utf8_lossy(&finished.stdout).replace('\x1b', "^[");
    let code = finished.code.unwrap();
    format!("{stdout}--- standard error\n{}--- exit code {code}\n", finished.stderr)
}

fn typed(command: Command) -> String {
    let (code, shown) = Terminal::start(command, TYPED).finish();
    format!("{shown}--- exit code {}\n", code.unwrap())
}

fn stocked() -> Server {
    let server = Server::in_memory();
    server.run(&["publish", "orders", "one tea", "--keep", "--header", "table=4"]).text();
    server.run(&["publish", "orders", "\x1b[2Jone\ncoffee", "--keep"]).text();
    server
}

#[test]
fn messages_in_a_pipe() {
    let server = stocked();
    for format in ["text", "json", "raw"] {
        let all = server.run(&["subscribe", "orders", "--count", "2", "--format", format]);
        masked(|| assert_snapshot!(format!("subscribe_{format}_in_a_pipe"), whole(&all)));
    }
    let fetched = server.run(&["fetch", "orders", "1"]);
    masked(|| assert_snapshot!("fetch_in_a_pipe", whole(&fetched)));
}

#[test]
fn messages_on_a_terminal() {
    let server = stocked();
    let subscribe = || server.command(&["subscribe", "orders", "--count", "2"]);
    masked(|| assert_snapshot!("subscribe_on_a_terminal", typed(subscribe())));
    let mut plain = subscribe();
    plain.env("NO_COLOR", "1");
    masked(|| assert_snapshot!("subscribe_on_a_terminal_without_colour", typed(plain)));
    let json = server.command(&["fetch", "orders", "1", "--format", "json"]);
    masked(|| assert_snapshot!("fetch_json_on_a_terminal", typed(json)));
}

#[test]
fn colours_can_be_forced_into_a_pipe() {
    let server = stocked();
    let mut command = server.command(&["fetch", "orders", "1"]);
    command.env("CLICOLOR_FORCE", "1");
    assert!(run(command, b"").text().contains("\x1b["));
}

#[test]
fn acknowledgements_in_a_pipe() {
    let server = Server::in_memory();
    let long = [&b"one\n"[..], &vec![b'x'; 5_000_000], b"\nthree\n"].concat();
    for format in ["text", "json"] {
        let keep = ["publish", "orders", "--keep", "--format", format];
        let published = server.run_with(&keep, &long);
        masked(|| assert_snapshot!(format!("publish_{format}_in_a_pipe"), whole(&published)));
    }
}

#[test]
fn lines_typed_on_a_terminal() {
    let server = Server::in_memory();
    let mut terminal = Terminal::start(server.command(&["publish", "orders", "--keep"]), TYPED);
    terminal.sees("ctrl-d ends");
    terminal.types("one tea\n");
    terminal.sees("\n1\n");
    // ctrl-d
    terminal.types("\x04");
    let (code, shown) = terminal.finish();
    assert_eq!(code, Some(0));
    masked(|| assert_snapshot!("publish_typed_on_a_terminal", shown));
}

#[test]
fn a_person_who_waits_is_shown_how_far_it_is() {
    let server = Server::in_memory();
    let command = server.command(&["publish", "orders", "--keep"]);
    let piped = Wiring { stdin: false, stdout: false, stderr: true };
    let mut terminal = Terminal::start(command, piped);
    let (mut stdin, ids) = (terminal.stdin(), terminal.stdout());
    stdin.write_all(b"one\ntwo\nthree\n").unwrap();
    terminal.sees("3 acknowledged");
    drop(stdin);
    let (code, shown) = terminal.finish();
    assert_eq!(code, Some(0));
    assert_eq!(std::io::read_to_string(ids).unwrap(), "1\n2\n3\n");
    // The line of the progress is taken away, and what stays is one sentence.
    let rest = shown.rsplit("^[[2K").next().unwrap();
    masked(|| assert_snapshot!("publish_progress_leaves", rest));
}

#[test]
fn how_far_it_is_in_a_file_of_known_size() {
    let server = Server::in_memory();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "line\n".repeat(300_000)).unwrap();
    let path = file.path().to_str().unwrap();
    let command = server.command(&["publish", "orders", "--lines", path]);
    let piped = Wiring { stdin: true, stdout: false, stderr: true };
    let mut terminal = Terminal::start(command, piped);
    let mut ids = terminal.stdout();
    let reading = std::thread::spawn(move || std::io::copy(&mut ids, &mut std::io::sink()));
    terminal.sees("% of the input");
    let (code, shown) = terminal.finish();
    reading.join().unwrap().unwrap();
    assert_eq!(code, Some(0));
    assert!(shown.contains("300000 messages acknowledged in "), "{shown}");
}

#[test]
fn subjects_and_a_purge() {
    let server = stocked();
    server.run(&["publish", "brief", "gone soon", "--ttl", "1h"]).text();
    for format in ["text", "json"] {
        let listed = server.run(&["subjects", "--format", format]);
        masked(|| assert_snapshot!(format!("subjects_{format}_in_a_pipe"), whole(&listed)));
    }
    masked(|| assert_snapshot!("subjects_on_a_terminal", typed(server.command(&["subjects"]))));
    let mut purging = Terminal::start(server.command(&["purge", "orders", "--up-to", "1"]), TYPED);
    purging.sees("[y/N]");
    purging.types("y\n");
    let (code, shown) = purging.finish();
    assert_eq!(code, Some(0));
    masked(|| assert_snapshot!("purge_on_a_terminal", shown));
    let purged = server.run(&["purge", "orders", "--yes", "--format", "json"]);
    masked(|| assert_snapshot!("purge_json_in_a_pipe", whole(&purged)));
}

#[test]
fn complaints() {
    let server = Server::in_memory();
    let wrong: [(&str, &[&str]); 5] = [
        ("not_there", &["fetch", "orders", "7"]),
        ("bad_subject", &["publish", "a\tb", "body"]),
        ("unknown_verb", &["publsh", "a", "b"]),
        ("unknown_flag", &["publish", "a", "b", "--keeep"]),
        ("wrong_value", &["publish", "a", "b", "--ttl", "soon"]),
    ];
    for (name, arguments) in wrong {
        let failed = server.run(arguments);
        masked(|| assert_snapshot!(format!("{name}_in_a_pipe"), whole(&failed)));
        let shown = typed(server.command(arguments));
        masked(|| assert_snapshot!(format!("{name}_on_a_terminal"), shown));
    }
}

#[test]
fn nobody_there() {
    // Port 9 of loopback is nobody's.
    let mut command = broker(&["health"]);
    command.env("BROKER_SERVER", "http://127.0.0.1:9");
    masked(|| assert_snapshot!("nobody_there_in_a_pipe", whole(&run(command, b""))));
}

#[test]
fn help_of_every_verb() {
    let verbs = broker(&["help"]);
    let text = run(verbs, b"");
    masked(|| assert_snapshot!("help", text.text()));
    for verb in [
        "serve",
        "config",
        "publish",
        "subscribe",
        "fetch",
        "health",
        "subjects",
        "purge",
        "log-level",
        "profile",
        "doctor",
        "copy",
        "completions",
        "bench",
    ] {
        let help = run(broker(&["help", verb]), b"");
        masked(|| assert_snapshot!(format!("help_{verb}"), help.text()));
    }
    masked(|| assert_snapshot!("help_on_a_terminal", typed(broker(&["help", "health"]))));
}

#[test]
fn the_log_on_a_terminal() {
    let mut terminal = Terminal::start(serve(&["--storage", "memory"]), TYPED);
    terminal.sees("gRPC server listening");
    // ctrl-c as a signal: the terminal is not the command's controlling one.
    terminal.interrupt();
    let (code, shown) = terminal.finish();
    assert_eq!(code, Some(0));
    masked(|| assert_snapshot!("the_log_on_a_terminal", shown));
}
