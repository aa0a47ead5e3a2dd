//! The programs that make load, each bounded to what a test has time for.

use crate::{log::Log, program::Program};
use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

/// Enough to find any fault of [`crate::lie`], on every subject. Those that end with their messages have time on a
/// busy machine.
const K6: &[(&str, &str)] = &[
    ("VUS", "3"),
    ("MESSAGES", "300"),
    ("STORED", "50"),
    ("BATCH", "50"),
    ("SUBJECTS", "2"),
    ("DURATION", "90s"),
    ("P99", "60000"),
];

/// The folder of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn program(variable: &str) -> PathBuf {
    let place = env::var_os(variable);
    place.map(PathBuf::from).unwrap_or_else(|| {
        panic!("{variable} is set: run `cargo xtask test --only edge`");
    })
}

/// k6 with a script of `deploy/k6` and these settings besides.
pub fn k6(script: &str, broker: SocketAddr, settings: &[(&str, &str)]) -> Program {
    let mut k6 = Command::new(program("BROKER_K6"));
    // It would listen on a port of its own, and tell its makers of its use.
    k6.args(["run", "--quiet", "--no-color", "--address", ""]).env("K6_NO_USAGE_REPORT", "true");
    k6.arg(workspace().join("deploy/k6").join(script)).current_dir(env::temp_dir());
    k6.envs(K6.iter().chain(settings).copied()).env("BROKER", broker.to_string());
    Program::start(&mut k6)
}

/// The pool of workers with these flags besides.
pub fn pool(broker: SocketAddr, flags: &[&str]) -> Program {
    let mut pool = Command::new(program("BROKER_POOL"));
    pool.args(["-workers", "8", "-messages", "400", "-subjects", "4", "-time", "90s"]).args(flags);
    Program::start(pool.env("BROKER", broker.to_string()))
}

/// A command of ghz from `docs/load-testing.md`: the one of that call.
pub fn ghz(call: &str, broker: SocketAddr) -> Program {
    let page = fs::read_to_string(workspace().join("docs/load-testing.md")).expect("the page");
    let commands = page.split("    $ ").filter(|text| text.starts_with("ghz "));
    let command = commands
        .map(|text| text.split("\n\n").next().unwrap_or_default())
        .find(|text| text.contains(&format!("--call broker.Broker.{call} ")))
        .unwrap_or_else(|| panic!("the page has a command for {call}"));
    assert!(command.contains(" 127.0.0.1:8080"), "{command}");
    let command = command.replace("127.0.0.1:8080", &broker.to_string());
    let ghz = program("BROKER_GHZ");
    let mut shell = Command::new("sh");
    shell.args(["-c", &command.replacen("ghz ", "\"$0\" ", 1)]).arg(ghz);
    Program::start(shell.current_dir(workspace()))
}

/// Whether a line of what a program said has these words.
pub fn says(log: &Log, words: &str) -> bool {
    log.find(|line| line.contains(words).then_some(())).is_some()
}

/// Asserts that a line of what a program said has these words.
#[track_caller]
pub fn must_say(log: &Log, words: &str) {
    assert!(says(log, words), "it does not say `{words}`:\n{}", log.lines().join("\n"));
}

/// The first number in the line of a program that begins with this, blanks apart, and stands behind it.
#[track_caller]
pub fn number(log: &Log, start: &str) -> u64 {
    let found = log.find(|line| {
        let rest = line.trim_start().strip_prefix(start)?;
        let mut digits = rest.split(|c: char| !c.is_ascii_digit()).filter(|text| !text.is_empty());
        digits.next()?.parse().ok()
    });
    found.unwrap_or_else(|| panic!("no number behind `{start}`:\n{}", log.lines().join("\n")))
}
