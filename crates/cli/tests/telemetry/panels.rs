//! Every expression that is shipped is understood by a real Prometheus and finds data in it, and the panels
//! drawn from that are kept as pictures.

use crate::{
    dashboard::{Dashboard, filled_in},
    pictures, shipped,
    stage::Stage,
};
use broker_test_servers::{Prometheus, prometheus::Sample};
use regex::Regex;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn every_expression_finds_data() {
    let stage = Stage::start().await;
    for nothing in ["broker_nothing", "broker_ready > 1", "0 / sum(broker_ready * 0)"] {
        assert!(!finds(&stage.prometheus, nothing).await, "{nothing}");
    }
    let mut wrong = recording_rules(&stage.prometheus).await;
    wrong.extend(alerts(&stage.prometheus).await);
    for dashboard in Dashboard::all() {
        wrong.extend(variables(&stage.prometheus, &dashboard).await);
        wrong.extend(panels(&stage.prometheus, &dashboard).await);
        let empty = pictures::draw(&stage, &dashboard).await;
        wrong.extend(
            empty.iter().map(|title| format!("{}: {title} is drawn empty", dashboard.name)),
        );
    }
    stage.end();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// All rules of a type, as Prometheus understood them.
async fn rules(prometheus: &Prometheus, kind: &str) -> Vec<Value> {
    let groups = prometheus.ask("/api/v1/rules", &[]).await.expect("it has rules");
    let groups = groups["groups"].as_array().expect("groups").iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().expect("rules"));
    let rules: Vec<Value> = rules.filter(|rule| rule["type"] == kind).cloned().collect();
    let word = if kind == "alerting" { "- alert: " } else { "- record: " };
    let shipped: usize = shipped::files("deploy/prometheus/rules")
        .iter()
        .map(|name| shipped::text(&format!("deploy/prometheus/rules/{name}")).matches(word).count())
        .sum();
    assert_eq!(rules.len(), shipped, "all rules are loaded");
    rules
}

async fn recording_rules(prometheus: &Prometheus) -> Vec<String> {
    let mut wrong = Vec::new();
    for rule in rules(prometheus, "recording").await {
        let (name, query) =
            (rule["name"].as_str().expect("a name"), rule["query"].as_str().expect("a query"));
        assert_eq!(rule["health"], "ok", "{rule}");
        if !finds(prometheus, query).await || !finds(prometheus, name).await {
            wrong.push(format!("{name} finds nothing"));
        }
    }
    wrong
}

/// An alert finds nothing while all is well, so what it selects is looked for.
async fn alerts(prometheus: &Prometheus) -> Vec<String> {
    let mut wrong = Vec::new();
    for rule in rules(prometheus, "alerting").await {
        assert_eq!(rule["health"], "ok", "{rule}");
        let query = rule["query"].as_str().expect("a query");
        let selectors = selectors(query);
        assert!(!selectors.is_empty(), "{query}");
        for selector in selectors {
            if !finds(prometheus, &selector).await {
                wrong.push(format!("{}: {selector}", rule["name"]));
            }
        }
    }
    wrong
}

async fn variables(prometheus: &Prometheus, dashboard: &Dashboard) -> Vec<String> {
    let mut wrong = Vec::new();
    for (selector, label) in dashboard.variables() {
        let samples = prometheus.query(&filled_in(&selector)).await.unwrap_or_default();
        if !samples.iter().any(|sample| sample.labels.contains_key(&label)) {
            wrong.push(format!("{}: no {label} in {selector}", dashboard.name));
        }
    }
    wrong
}

async fn panels(prometheus: &Prometheus, dashboard: &Dashboard) -> Vec<String> {
    let mut wrong = Vec::new();
    for query in dashboard.queries() {
        if !finds(prometheus, &filled_in(&query.expression)).await {
            wrong.push(format!("{}: {}: {}", dashboard.name, query.panel, query.expression));
        }
    }
    wrong
}

/// Whether an expression has a value that is a number.
async fn finds(prometheus: &Prometheus, expression: &str) -> bool {
    let samples = prometheus.query(expression).await;
    let samples = samples.unwrap_or_else(|error| panic!("{expression}: {error}"));
    samples.iter().any(|sample: &Sample| sample.value.is_finite())
}

/// The metrics that an expression selects, with what their labels must be.
fn selectors(expression: &str) -> Vec<String> {
    let pattern = Regex::new(r"\b(up|[a-z]+[_:][a-z0-9_:]*)(\{[^}]*\})?(\s*\()?").unwrap();
    let matches = pattern.captures_iter(expression);
    matches
        .filter(|found| found.get(3).is_none() && &found[1] != "group_left")
        .map(|found| found[0].to_owned())
        .collect()
}

#[test]
fn selectors_are_found() {
    let expression = "max by (job) (a_b{c=\"d\"}) > 1 unless on (x) \
                      histogram_quantile(1, rate(e:f_g[5m])) / up{j=\"k\"}";
    assert_eq!(selectors(expression), ["a_b{c=\"d\"}", "e:f_g", "up{j=\"k\"}"]);
}
