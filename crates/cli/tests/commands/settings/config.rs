//! `broker config`.

use super::{Place, find};
use crate::command::run;
use serde_json::json;

#[test]
fn text_has_a_line_for_every_setting_in_columns() {
    let place = Place::new()
        .with("broker.toml", "\ngrace = '5s'")
        .with(".env", "STORAGE_TYPE=NOT_PERSISTED");
    let mut command = place.command(&["config", "--log-level", "warn"]);
    command.env("BROKER_MAX_CALLS", "20000");
    let finished = run(command, b"");
    let lines: Vec<_> = finished.text().lines().collect();
    let columns = |name: &str| {
        let line = lines.iter().find(|line| line.split(' ').next() == Some(name));
        let words = line.unwrap().split("  ").map(str::trim).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>()
    };
    for expected in [
        ["storage", "memory", ".env:1 STORAGE_TYPE (old name)"],
        ["grace", "5s", "broker.toml:2"],
        ["log-level", "warn", "flag --log-level"],
        ["max-calls", "20000", "environment BROKER_MAX_CALLS"],
        ["disk-reserve", "(5 % of the disk, at most 1GiB)", "default"],
    ] {
        assert_eq!(columns(expected[0]), expected);
    }
    let starts: Vec<_> = lines.iter().filter_map(|line| line.rfind("  default")).collect();
    let aligned = starts.iter().filter(|start| **start == starts[0]).count();
    assert!(lines.len() > 20 && aligned >= starts.len() - 2, "{}", finished.text());
    assert!(
        finished.stderr.contains("settings read from flags (1), the environment (1), .env (1)")
    );
}

#[test]
fn json_has_a_line_for_every_setting() {
    let place = Place::new().with("broker.toml", "max-connections = 5\nweb-origin = ['https://a']");
    let finished = place.config(&[], &[("APPLICATION_PORT", "9000")]);
    assert_eq!(
        find(&finished, "max-connections"),
        json!({
            "name": "max-connections", "value": 5, "secret": false, "source": "file",
            "source_name": "max-connections", "old_name": false, "file": "broker.toml", "line": 1,
        })
    );
    assert_eq!(
        find(&finished, "listen"),
        json!({
            "name": "listen", "value": "127.0.0.1:9000", "secret": false, "source": "environment",
            "source_name": "APPLICATION_PORT", "old_name": true, "file": null, "line": null,
        })
    );
    assert_eq!(find(&finished, "web-origin")["value"], json!(["https://a"]));
    assert_eq!(find(&finished, "max-store-size")["value"], json!(null));
}

#[test]
fn the_example_is_read_back_as_the_defaults() {
    let example = run(Place::new().command(&["config", "--example"]), b"");
    assert!(example.text().starts_with("# "), "{example:?}");
    let place = Place::new().with("broker.toml", example.text());
    let lines = |finished: &crate::command::Finished| {
        let without_source = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            (line["name"].clone(), line["value"].clone())
        };
        finished.text().lines().map(without_source).collect::<Vec<_>>()
    };
    let read_back = place.config(&[], &[]);
    assert_eq!(lines(&read_back), lines(&Place::new().config(&[], &[])));
    assert_eq!(find(&read_back, "listen")["source"], "file");
}

#[test]
fn the_example_goes_with_no_other_output() {
    let failed = run(Place::new().command(&["config", "--example", "--format", "json"]), b"");
    assert_eq!(failed.code, Some(2), "{failed:?}");
}

#[test]
fn it_opens_nothing() {
    let place = Place::new();
    place.config(&[], &[]).text();
    assert_eq!(place.path().read_dir().unwrap().count(), 0);
}

#[test]
fn help_shows_defaults_variables_and_choices() {
    for verb in ["serve", "config"] {
        let help = run(Place::new().command(&[verb, "--help"]), b"");
        for word in [
            "[env: BROKER_LISTEN]",
            "[default: 127.0.0.1:8080]",
            "from 64KiB to 1GiB",
            "In the process's memory, gone",
        ] {
            assert!(help.text().contains(word), "{verb}: {word}");
        }
    }
}
