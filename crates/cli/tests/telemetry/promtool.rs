//! What promtool says of the files in `deploy`, and whether they are complete.

use crate::shipped;
use regex::Regex;
use std::{
    collections::BTreeSet,
    io::Write,
    process::{Command, Stdio},
};

/// Runs promtool in the folder with the configuration; it must be content.
fn promtool(arguments: &[&str]) -> String {
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(shipped::path("deploy/prometheus"));
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{command:?}\n{said}");
    said
}

#[test]
fn the_configuration_and_the_rules_are_valid() {
    promtool(&["check", "config", "prometheus.yml"]);
    for file in shipped::files("deploy/prometheus/rules") {
        promtool(&["check", "rules", "--lint=all", "--lint-fatal", &format!("rules/{file}")]);
    }
}

/// What promtool has against a page of metrics, line by line.
pub fn complaints(page: &str) -> Vec<String> {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut input = child.stdin.take().expect("piped");
    input.write_all(page.as_bytes()).expect("it reads all");
    drop(input);
    let said = child.wait_with_output().expect("it ends").stderr;
    String::from_utf8_lossy(&said).lines().map(str::to_owned).collect()
}

#[test]
fn a_bad_page_is_found() {
    assert_eq!(complaints("# HELP a_total A.\n# TYPE a_total counter\na_total 1\n"), [""; 0]);
    assert_eq!(complaints("# HELP a A.\n# TYPE a counter\na 1\n").len(), 1);
    assert_eq!(complaints("a{ 1\n").len(), 1);
}

#[test]
fn alerts_fire_when_they_should() {
    let files = shipped::files("deploy/prometheus/tests");
    let files: Vec<String> = files.iter().map(|name| format!("tests/{name}")).collect();
    let mut arguments = vec!["test", "rules"];
    arguments.extend(files.iter().map(String::as_str));
    let said = promtool(&arguments);
    assert_eq!(said.matches("SUCCESS").count(), files.len(), "{said}");
}

/// Names of the alerts, in the order of the rules.
fn alerts() -> Vec<String> {
    let rules = shipped::text("deploy/prometheus/rules/alerts.yml");
    let names = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    names.map(str::to_owned).collect()
}

#[test]
fn every_alert_has_tests_and_a_section() {
    let tests: String = shipped::files("deploy/prometheus/tests")
        .iter()
        .map(|name| shipped::text(&format!("deploy/prometheus/tests/{name}")))
        .collect();
    let (page, table) = (shipped::text("docs/alerts.md"), shipped::text("docs/operations.md"));
    let rules = shipped::text("deploy/prometheus/rules/alerts.yml");
    let alerts = alerts();
    assert!(alerts.len() > 20, "{alerts:?}");
    for name in &alerts {
        let fires =
            Regex::new(&format!(r"alertname: {name}\n +exp_alerts:\n +- exp_labels: ")).unwrap();
        assert!(fires.is_match(&tests), "no test lets {name} fire");
        let silent = format!("alertname: {name}, exp_alerts: []");
        assert!(tests.contains(&silent), "no test in which {name} is silent");
        assert!(page.contains(&format!("\n## {name}\n")), "docs/alerts.md has no section {name}");
        let link = format!("](alerts.md#{})", name.to_lowercase());
        assert_eq!(table.matches(&link).count(), 1, "{name} is not in docs/operations.md");
        let anchor = format!("runbook: docs/alerts.md#{}\n", name.to_lowercase());
        assert_eq!(rules.matches(&anchor).count(), 1, "{name} has no link to its section");
    }
    let sections: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(sections, alerts.iter().map(String::as_str).collect(), "sections of docs/alerts.md");
}

#[test]
fn every_alert_says_how_bad_it_is_and_what_to_do() {
    let rules = shipped::text("deploy/prometheus/rules/alerts.yml");
    for rule in rules.split("- alert: ").skip(1) {
        for part in ["labels: {severity: ", "summary: ", "description: >-\n", "runbook: "] {
            assert_eq!(rule.matches(part).count(), 1, "`{part}` in {rule}");
        }
    }
}
