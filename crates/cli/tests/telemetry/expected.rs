//! What Prometheus must have of a known load.

use crate::traffic::Counts;
use std::collections::BTreeMap;

/// Whether the store makes messages safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commits {
    /// All that are stored.
    All,
    /// What is in memory is never safe.
    None,
}

/// An expression, and by the values of these labels its values.
#[derive(Debug)]
pub struct Expected {
    /// What is asked.
    pub expression: String,
    /// The labels that its values are told apart by.
    pub labels: &'static [&'static str],
    /// All of its values.
    pub values: BTreeMap<Vec<String>, u64>,
}

/// All that must be there once everybody has left.
pub fn after(counts: &Counts, commits: Commits) -> Vec<Expected> {
    let mut all = calls(counts);
    all.extend(messages(counts, commits));
    all.extend(GAUGES.iter().map(|(expression, value)| one(expression, *value)));
    all
}

fn calls(counts: &Counts) -> Vec<Expected> {
    let ours = |metric: &str| format!("{metric}{{method=~\"broker.Broker/.+\"}}");
    let by = |name: fn(&str) -> String| {
        let entry = |((method, code), count): (&(&str, &str), &u64)| {
            (vec![name(method), (*code).to_owned()], *count)
        };
        counts.calls.iter().map(entry).collect::<BTreeMap<_, _>>()
    };
    let mut began = BTreeMap::new();
    for ((method, _), count) in &counts.calls {
        *began.entry(vec![(*method).to_owned()]).or_default() += count;
    }
    let codes = |metric| Expected {
        expression: ours(metric),
        labels: &["method", "code"],
        values: by(str::to_owned),
    };
    vec![
        codes("broker_rpcs_total"),
        codes("broker_rpc_duration_seconds_count"),
        Expected {
            expression: "method_count_count".into(),
            labels: &["method", "status"],
            values: by(|method| method.replace("broker.Broker/", "")),
        },
        Expected {
            expression: ours("broker_rpcs_started_total"),
            labels: &["method"],
            values: began,
        },
    ]
}

fn messages(counts: &Counts, commits: Commits) -> Vec<Expected> {
    let kept = |metric: &str, stored, delivered_only| Expected {
        expression: metric.into(),
        labels: &["kept"],
        values: [("stored", stored), ("delivered_only", delivered_only)]
            .map(|(kept, count)| (vec![kept.to_owned()], count))
            .into(),
    };
    let refused = counts.refused.iter().map(|(reason, n)| (vec![(*reason).to_owned()], *n));
    let stored = counts.stored.0;
    let committed = match commits {
        Commits::All => stored,
        Commits::None => 0,
    };
    vec![
        kept("broker_messages_accepted_total", stored, counts.delivered_only.0),
        kept("broker_accepted_bytes_total", counts.stored.1, counts.delivered_only.1),
        Expected {
            expression: "broker_messages_refused_total > 0".into(),
            labels: &["reason"],
            values: refused.collect(),
        },
        one("broker_messages_delivered_total", counts.delivered.0),
        one("broker_delivered_bytes_total", counts.delivered.1),
        one("broker_messages_expired_total", counts.expired),
        one("broker_messages_missed_total", 0),
        one("broker_store_messages_total{operation=\"append\"}", stored),
        one("sum(broker_store_commit_messages_sum) or vector(0)", committed),
    ]
}

/// What is a matter of this moment.
const GAUGES: &[(&str, u64)] = &[
    ("broker_subscriptions", 0),
    ("active_subscribers", 0),
    ("broker_subscription_lag_messages", 0),
    ("sum(broker_rpcs_in_flight)", 0),
    ("broker_connections", 0),
    ("sum(broker_limit_used{limit=~\"calls|connections|publish_streams\"})", 0),
    ("sum(broker_limit_used{limit=~\"queued_bytes|subscriptions\"})", 0),
    ("total_gc", 0),
    ("broker_ready", 1),
    ("broker_owner", 1),
    ("broker_state{state=\"serving\"}", 1),
    ("sum(broker_state)", 1),
    ("broker_store_state{state=\"writable\"}", 1),
    ("sum(broker_store_state)", 1),
];

/// An expression with one value.
fn one(expression: &str, value: u64) -> Expected {
    let values = BTreeMap::from([(Vec::new(), value)]);
    Expected { expression: expression.into(), labels: &[], values }
}
