//! The README's commands, typed at a terminal, and what it says they print.
//!
//! A block of the README is a terminal session: `$ command` lines and their output, in which `[...]`
//! stands for anything. Times, ports and speeds may differ.

use crate::{
    launch,
    terminal::{TYPED, Terminal},
};
use regex::Regex;
use std::{env, fmt::Write as _, fs, path::Path, process::Command};

/// A command of the README and the output it shows.
#[derive(Debug, PartialEq)]
struct Step {
    command: String,
    output: Vec<String>,
}

/// The indented blocks that begin with a command.
fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut in_session = false;
    for line in readme.lines() {
        let Some(line) = line.strip_prefix("    ") else {
            in_session = false;
            continue;
        };
        match line.strip_prefix("$ ") {
            Some(command) => {
                in_session = true;
                steps.push(Step { command: command.to_owned(), output: Vec::new() });
            }
            None if in_session => {
                if let Some(step) = steps.last_mut() {
                    step.output.push(line.to_owned());
                }
            }
            None => {}
        }
    }
    steps
}

/// What differs from run to run, made the same.
fn masked(text: &str) -> String {
    let masks = [
        // A line of progress that was drawn over and taken away.
        (r"[^\n]*\^\[\[2K", ""),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        (r"(port |port=|127\.0\.0\.1:)\d+", "${1}PORT"),
        (r"in \d+\.\d s, \d+ a second", "SPEED"),
        (r"took_ms=\d+", "took_ms=MS"),
    ];
    masks.iter().fold(text.to_owned(), |text, (mask, name)| {
        Regex::new(mask).unwrap().replace_all(&text, *name).into_owned()
    })
}

/// Whether a line is what the README shows.
fn agrees(shown: &str, line: &str) -> bool {
    let pattern = masked(shown);
    let parts: Vec<String> = pattern.split("[...]").map(regex::escape).collect();
    Regex::new(&format!("^{}$", parts.join(".*"))).unwrap().is_match(line)
}

fn check(step: &Step, printed: &str) {
    let printed = masked(printed);
    let lines: Vec<&str> = printed.lines().collect();
    let agree = lines.len() == step.output.len()
        && step.output.iter().zip(&lines).all(|(shown, line)| agrees(shown, line));
    assert!(agree, "`{}` prints\n{printed}\nthe README shows\n{:#?}", step.command, step.output);
}

/// A shell with those commands, in the folder of the README.
fn shell(root: &Path, script: &str) -> Command {
    let mut shell = Command::new("bash");
    shell.args(["--noprofile", "--norc", "-c", script]).current_dir(root).env("NO_COLOR", "1");
    launch::clear_settings(&mut shell);
    shell
}

/// The port in a line with which the broker says that it listens.
fn port(log: &str, what: &str) -> String {
    let line = log.lines().find(|line| line.contains(what)).unwrap();
    line.rsplit("port=").next().unwrap().trim().to_owned()
}

#[test]
fn the_commands_of_the_readme_print_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let all = steps(&fs::read_to_string(root.join("README.md")).unwrap());
    let (serve, others) = all.split_first().unwrap();
    assert!(serve.command.ends_with("serve") && others.len() > 5, "{all:#?}");

    // However long the compiler takes where it was not built yet.
    let built = shell(&root, "cargo build --release --quiet").status().unwrap();
    assert!(built.success());
    // Only where it listens and keeps its data is not as it is for a person.
    let data = tempfile::tempdir().unwrap();
    let mut serving = shell(&root, &format!("exec {}", serve.command));
    serving.env("BROKER_LISTEN", "127.0.0.1:0").env("BROKER_ADMIN_LISTEN", "127.0.0.1:0");
    serving.env("BROKER_DATA_DIR", data.path());
    let mut broker = Terminal::start(serving, TYPED);
    broker.sees("gRPC server listening");
    broker.sees(" port=");

    let mut script = String::new();
    for step in others {
        writeln!(script, "{}\nprintf '\\0'", step.command).unwrap();
    }
    let mut session = shell(&root, &script);
    let log = broker.text();
    for (variable, what) in
        [("BROKER_SERVER", "gRPC server listening"), ("BROKER_ADMIN", "admin pages listening")]
    {
        session.env(variable, format!("http://127.0.0.1:{}", port(&log, what)));
    }
    // Where the build does not put it below the working folder.
    let binary = launch::binary();
    let folders = [Path::new(&binary).parent().unwrap().to_owned()];
    let path = env::split_paths(&env::var_os("PATH").unwrap()).collect::<Vec<_>>();
    session.env("PATH", env::join_paths(folders.iter().chain(&path)).unwrap());
    let (code, printed) = Terminal::start(session, TYPED).finish();
    assert_eq!(code, Some(0), "{printed}");
    for (step, printed) in others.iter().zip(printed.split('\0')) {
        check(step, printed);
    }

    broker.interrupt();
    let (code, log) = broker.finish();
    assert_eq!(code, Some(0), "{log}");
    // What cargo says of building, and what the broker says of leaving, is not in the README.
    let begun = log.find("settings read from").and_then(|at| log[..at].rfind('\n'));
    let lines: Vec<&str> = log[begun.map_or(0, |at| at + 1)..].lines().collect();
    check(serve, &lines[..serve.output.len().min(lines.len())].join("\n"));
}

#[test]
fn a_line_that_is_not_as_shown_is_found() {
    assert!(agrees("2026-11-25T02:07:12.644Z  x [...] z", "TIME  x y z"));
    assert!(!agrees("x [...] z", "x y"));
    assert!(!agrees("1", "2"));
    let readme = "text\n\n    $ a b\n    one\n    $ c\n\nmore\n\n    not a session\n";
    let step = |command: &str, output: &[&str]| Step {
        command: command.into(),
        output: output.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(steps(readme), [step("a b", &["one"]), step("c", &[])]);
}
