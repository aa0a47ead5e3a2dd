//! Going on after a failure from the line that was named.

use crate::{
    command::{Running, run},
    server::Server,
};
use std::{collections::BTreeMap, fs};

const LINES: u64 = 200_000;

/// A number in a sentence on standard error, after and before those words.
fn number_between(text: &str, before: &str, after: &str) -> Option<u64> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after)?.0.parse().ok()
}

#[test]
fn after_a_kill_the_named_line_goes_on_without_loss_and_without_a_second_copy() {
    let directory = tempfile::tempdir().unwrap();
    let lines = directory.path().join("lines");
    fs::write(&lines, (1..=LINES).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let data = directory.path().join("data");
    let publish = ["publish", "s", "--keep", "--lines", lines.to_str().unwrap()];

    let mut server = Server::on_disk(&data);
    let mut publishing = Running::start(server.command(&publish));
    let mut acknowledged = 0;
    while acknowledged < LINES / 10 {
        acknowledged += 1;
        assert_eq!(publishing.line(), acknowledged.to_string());
    }
    server.running.kill();
    let first = publishing.finish();
    let more = first.stdout.split(|byte| *byte == b'\n');
    acknowledged += more.filter(|line| line.first().is_some_and(u8::is_ascii_digit)).count() as u64;
    assert!(acknowledged < LINES, "it was killed too late to fail");
    assert!(matches!(first.code, Some(3 | 5)), "{:?} {}", first.code, first.stderr);
    let named = number_between(&first.stderr, "go on with --from-line ", "\n");
    let named = named.unwrap_or_else(|| panic!("no line is named: {}", first.stderr));
    let told = first.stderr.lines().filter_map(|line| number_between(line, "broker: ", " of "));
    assert_eq!(told.collect::<Vec<_>>(), [acknowledged], "{}", first.stderr);
    assert!(named > acknowledged, "{}", first.stderr);

    let server = Server::on_disk(&data);
    let rest =
        run(server.command(&[&publish[..], &["--from-line", &named.to_string()]].concat()), b"");
    let last: u64 = rest.text().lines().last().unwrap().parse().unwrap();
    let mut subscribing = Running::start(server.command(&["subscribe", "s", "--format", "json"]));
    let (mut copies, mut order) = (BTreeMap::<u64, u64>::new(), Vec::new());
    loop {
        let message: serde_json::Value = serde_json::from_str(&subscribing.line()).unwrap();
        let line: u64 = message["body"].as_str().unwrap().parse().unwrap();
        *copies.entry(line).or_default() += 1;
        order.push(line);
        if message["id"] == last {
            break;
        }
    }
    assert!(order.is_sorted(), "the order of the lines is lost");
    for line in 1..=LINES {
        let copies = copies.get(&line).copied().unwrap_or(0);
        // Between the last acknowledged line and the named one nobody knows.
        let unknown = line > acknowledged && line < named;
        assert!(copies == 1 || (unknown && copies == 0), "line {line}: {copies} copies");
    }
}
