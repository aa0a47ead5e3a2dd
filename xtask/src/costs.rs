//! What it costs to be seen: the same workload with metrics, logs and traces off and on, in turns, so that
//! the machine's moods meet all of them alike.

use crate::{
    measure::{bench, build, reports, thousands},
    servers::{self, Servers},
    telemetry,
};
use serde_json::Value;

/// What is measured.
const WORKLOADS: &[&str] = &["publish", "stream", "fan-out --live", "fetch"];

/// Nothing is counted, nothing is traced. The log is JSON in any case: it has to say where the broker listens, and
/// has nothing to say under load.
const OFF: &str = "--metrics false";

/// As one would run it: everything is on, and every hundredth call is traced.
const ON: &str = "--metrics true --trace-sampling 0.01";

/// The same, and every call is traced.
const ALL: &str = "--metrics true --trace-sampling 1";

/// Measures each workload in `rounds` turns and prints a table.
///
/// # Errors
/// When a workload cannot be measured, or its audit found something.
pub fn run(rounds: usize) -> Result<(), String> {
    build()?;
    let known = telemetry::prepare()?;
    servers::build()?;
    let jaeger = Servers::start(&["jaeger"], &known)?;
    let at = jaeger.variables.first().map(|(_, at)| at.to_string_lossy().into_owned());
    let endpoint = format!("--otlp-endpoint http://{}", at.unwrap_or_default());
    println!(
        "| workload | off, a second | on, 1 % traced (of off) | on, all traced (of off) | processor time \
         of the broker: off, on, all |\n| --- | --- | --- | --- | --- |"
    );
    for workload in WORKLOADS {
        let ways = [OFF.to_owned(), format!("{ON} {endpoint}"), format!("{ALL} {endpoint}")];
        let mut turns = Vec::new();
        for round in 0..rounds {
            turns.push(turn(workload, &ways, round)?);
        }
        println!("{}", line(workload, &turns));
    }
    Ok(())
}

/// A rate in messages a second and processor time in microseconds, for each way.
type Turn = [(f64, f64); 3];

/// Each way once, beginning with another one each time.
fn turn(workload: &str, ways: &[String; 3], round: usize) -> Result<Turn, String> {
    let mut measured = Turn::default();
    for place in 0..ways.len() {
        let way = (place + round) % ways.len();
        let words = format!("{workload} --rounds 1 --time 2s");
        let words: Vec<&str> = words.split(' ').collect();
        let settings: Vec<&str> = ways[way].split(' ').collect();
        let report = bench(&words, &settings, &[], &reports()?.join("costs.json"))?;
        measured[way] = (rate(&report), processor_time(&report));
    }
    Ok(measured)
}

fn rate(report: &Value) -> f64 {
    report["figures"][0]["median"].as_f64().unwrap_or(0.0)
}

fn processor_time(report: &Value) -> f64 {
    let figures = report["figures"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found = figures.iter().find(|figure| {
        figure["name"].as_str().is_some_and(|name| name.ends_with("processor time a message"))
    });
    found.and_then(|figure| figure["median"].as_f64()).unwrap_or(0.0)
}

fn line(workload: &str, turns: &[Turn]) -> String {
    let shares = |way: usize| {
        let shares: Vec<f64> = turns.iter().map(|turn| turn[way].0 / turn[0].0).collect();
        let [least, median, most] = spread(shares).map(|share| share * 100.0);
        format!("{median:.1} % ({least:.1} to {most:.1})")
    };
    let off = spread(turns.iter().map(|turn| turn[0].0).collect())[1];
    let times: Vec<String> = (0..3)
        .map(|way| spread(turns.iter().map(|turn| turn[way].1).collect())[1])
        .map(|time| format!("{time:.2}"))
        .collect();
    let (off, on, all) = (thousands(off), shares(1), shares(2));
    format!("| `{workload}` | {off} | {on} | {all} | {} us |", times.join(", "))
}

/// The least, the median and the most.
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    [at(0), at(values.len() / 2), at(values.len().saturating_sub(1))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_median_of_the_shares_of_each_turn() {
        let turn = |off, on, all| [(off, 1.0), (on, 1.1), (all, 2.0)];
        // The machine was half as fast once: no share knows of it.
        let turns = [turn(2e6, 1.9e6, 1e6), turn(1e6, 0.97e6, 0.5e6), turn(2e6, 2e6, 0.8e6)];
        assert_eq!(
            line("publish", &turns),
            "| `publish` | 2,000,000 | 97.0 % (95.0 to 100.0) | 50.0 % (40.0 to 50.0) | 1.00, 1.10, 2.00 us |"
        );
    }
}
