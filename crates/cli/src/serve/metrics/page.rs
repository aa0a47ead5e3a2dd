//! The tables of docs/metrics.md, compared with what the page has.
//!
//! `UPDATE_DOCS=1 cargo test -p broker-cli the_page_of_metrics` writes them into the page.

use super::catalog::*;
use std::{collections::BTreeSet, env, fmt::Write, fs};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");

const BEGIN: &str = "<!-- metrics: generated -->\n";
const END: &str = "<!-- metrics: end -->";

/// The headings of the page and what stands below them.
const GROUPS: &[(&str, &[Metric])] = &[
    ("Calls", &[RPCS_STARTED, RPCS, RPC_DURATION, RPCS_IN_FLIGHT, CONNECTIONS]),
    ("Messages", &[ACCEPTED, ACCEPTED_BYTES, REFUSED, DELIVERED, DELIVERED_BYTES, MISSED, EXPIRED]),
    ("Subscribers", &[SUBSCRIPTIONS, LAG, LAGGING]),
    ("Limits", &[LIMIT, LIMIT_USED, LIMIT_REACHED]),
    ("The broker", &[BUILD, READY, STATE, OWNER, CLOCK_STEPS, CACHED_SUBJECTS]),
    (
        "The store",
        &[
            STORE_STATE,
            STORE_CALLS,
            STORE_CALL_DURATION,
            STORE_MESSAGES,
            STORE_MESSAGE_BYTES,
            COMMIT_MESSAGES,
            COMMIT_DURATION,
            RECLAIMED,
            RECLAIMED_BYTES,
            STORE_FAILURES,
        ],
    ),
    (
        "The store `local`",
        &[
            SYNCS,
            SYNC_DURATION,
            WRITTEN_BYTES,
            SEGMENTS,
            STORE_BYTES,
            SWEEPS,
            SWEPT,
            SWEPT_BYTES,
            DISK_FREE,
            DISK_SIZE,
            DISK_RESERVE,
        ],
    ),
    (
        "Stores over a database",
        &[STATEMENTS, ROUND_TRIPS, DATABASE_CONNECTIONS, DATABASE_CONNECTIONS_MAX, EPOCH],
    ),
    ("The log and traces", &[LOG_LINES, LOG_DROPPED, SPANS]),
    (
        "The process",
        &[
            CPU,
            OPEN_FDS,
            MAX_FDS,
            VIRTUAL_MEMORY,
            RESIDENT_MEMORY,
            THREADS,
            START_TIME,
            ALLOCATOR,
            RUNTIME_WORKERS,
            RUNTIME_TASKS,
            RUNTIME_QUEUE,
            RUNTIME_BUSY,
            RUNTIME_PARKS,
        ],
    ),
    (
        "Names of the predecessor",
        &[OLD_SUBSCRIBERS, OLD_COUNT, OLD_DURATION, OLD_MEMORY, OLD_CPU, OLD_LOAD, OLD_GC],
    ),
];

/// The word of the exposition format.
fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
        Kind::Summary => "summary",
    }
}

fn tables() -> String {
    let mut text = String::new();
    for (title, metrics) in GROUPS {
        writeln!(text, "## {title}\n").unwrap();
        writeln!(
            text,
            "| name | type | unit | labels | meaning |\n| --- | --- | --- | --- | --- |"
        )
        .unwrap();
        for Metric { name, kind, unit, labels, meaning } in *metrics {
            let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
            let (kind, labels) = (word(*kind), labels.join(", "));
            writeln!(text, "| `{name}` | {kind} | {unit} | {labels} | {meaning} |").unwrap();
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_page_of_metrics_has_them_as_the_table_has_them() {
    let page = fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the mark of the beginning");
    let (_, after) = rest.split_once(END).expect("the mark of the end");
    let expected = format!("{before}{BEGIN}\n{}{END}{after}", tables());
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(PAGE, &expected).unwrap();
    } else {
        assert!(page == expected, "UPDATE_DOCS=1 cargo test -p broker-cli the_page_of_metrics");
    }
}

#[test]
fn names_are_unique_and_as_prometheus_wants_them() {
    let metrics: Vec<&Metric> = GROUPS.iter().flat_map(|(_, metrics)| *metrics).collect();
    let names: BTreeSet<_> = metrics.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), metrics.len());
    for metric in metrics {
        let of_letters = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        assert!(of_letters(metric.name) && metric.labels.iter().all(|it| of_letters(it)));
        let ours = metric.name.starts_with("broker_") || metric.name.starts_with("process_");
        let is_total = metric.name.ends_with("_total");
        assert!(!ours || is_total == (metric.kind == Kind::Counter), "{}", metric.name);
        for forbidden in ["subject", "id"] {
            assert!(!metric.labels.contains(&forbidden), "{} grows without end", metric.name);
        }
    }
}
