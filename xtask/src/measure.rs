//! The table of docs/performance.md: every row's command, and what came of it.
//!
//! Each row is one `broker bench` of the release build, with its ceiling in the same run. The databases of
//! rows that need them are started here, as the tests start theirs: what they acknowledge is synced.
//! Nothing is judged here; the machine should do nothing else meanwhile.

use crate::{
    command,
    servers::{self, Servers, Variable},
    workspace,
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A row of the table.
struct Row {
    name: &'static str,
    arguments: &'static str,
}

const fn row(name: &'static str, arguments: &'static str) -> Row {
    Row { name, arguments }
}

const ROWS: &[Row] = &[
    row("unary publish, 256 in flight", "publish --ceiling"),
    row("unary publish, 64 in flight", "publish --in-flight 64 --ceiling"),
    row("unary publish, 1 in flight", "publish --in-flight 1 --connections 1 --ceiling"),
    row("PublishStream, 1 in flight", "stream --in-flight 1 --ceiling"),
    row("PublishStream", "stream --ceiling"),
    row("PublishStream, bare client", "stream --client bare --ceiling"),
    row("delivered only, 1 to 1", "fan-out --live --ceiling"),
    row("delivered only, 1 to 1, bare client", "fan-out --live --client bare --ceiling"),
    row("delivered only, 1 to 10", "fan-out --live --subscribers 10 --ceiling"),
    row("delivered only, 1 to 100", "fan-out --live --subscribers 100 --ceiling"),
    row("stored and live, 1 to 1", "fan-out --ceiling"),
    row("stored and live, 1 to 1, 300,000/s", "fan-out --rate 300000"),
    row("unary publish, 20,000/s", "publish --rate 20000"),
    row("replay of a million", "replay --ceiling"),
    row("replay of a million, `memory`", "replay --storage memory --ceiling"),
    row("fetch, 256 in flight", "fetch --ceiling"),
    row("fetch, 256 in flight, `memory`", "fetch --storage memory --ceiling"),
    row("PostgreSQL: PublishStream", "stream --storage postgres --ceiling"),
    row(
        "PostgreSQL: PublishStream, 100 subjects",
        "stream --subjects 100 --storage postgres --ceiling",
    ),
    row("PostgreSQL: unary publish, 256 in flight", "publish --storage postgres --ceiling"),
    row(
        "PostgreSQL: unary publish, 64 in flight",
        "publish --in-flight 64 --storage postgres --ceiling",
    ),
    row(
        "PostgreSQL: unary publish, 1 in flight",
        "publish --in-flight 1 --connections 1 --storage postgres --ceiling",
    ),
    row(
        "PostgreSQL: PublishStream, 1 in flight",
        "stream --in-flight 1 --storage postgres --ceiling",
    ),
    row("PostgreSQL: replay of a million", "replay --storage postgres --ceiling"),
    row("PostgreSQL: fetch, 256 in flight", "fetch --storage postgres --ceiling"),
    row("Cassandra: PublishStream", "stream --storage cassandra --ceiling"),
    row(
        "Cassandra: PublishStream, 100 subjects",
        "stream --subjects 100 --storage cassandra --ceiling",
    ),
    row("Cassandra: unary publish, 256 in flight", "publish --storage cassandra --ceiling"),
    row(
        "Cassandra: unary publish, 64 in flight",
        "publish --in-flight 64 --storage cassandra --ceiling",
    ),
    row(
        "Cassandra: unary publish, 1 in flight",
        "publish --in-flight 1 --connections 1 --storage cassandra --ceiling",
    ),
    row(
        "Cassandra: PublishStream, 1 in flight",
        "stream --in-flight 1 --storage cassandra --ceiling",
    ),
    row("Cassandra: replay of 300,000", "replay --messages 300000 --storage cassandra --ceiling"),
    row("Cassandra: fetch, 256 in flight", "fetch --storage cassandra --ceiling"),
];

/// Measures every row, or those whose name has `only` in it, with more options of `broker bench` for
/// each, and prints the table as it grows.
///
/// # Errors
/// When a row cannot be measured, or its audit found something.
pub fn run(only: &str, options: &[&str]) -> Result<(), String> {
    let reports = reports()?;
    build()?;
    let rows: Vec<_> = ROWS.iter().enumerate().filter(|(_, row)| row.name.contains(only)).collect();
    let databases = Databases::under(rows.iter().map(|(_, row)| *row))?;
    let mut is_first = true;
    for (number, row) in rows {
        let to = reports.join(format!("{number:02}.json"));
        let words: Vec<&str> = row.arguments.split(' ').chain(options.iter().copied()).collect();
        let report = bench(&words, &[], &databases.variables, &to);
        let report = report.map_err(|why| format!("{}: {why}", row.name))?;
        if std::mem::take(&mut is_first) {
            println!("{}", head(&report));
        }
        println!("{}", line(row, &report));
    }
    Ok(())
}

/// The databases that run while rows are measured.
struct Databases {
    _servers: Option<Servers>,
    /// Where a broker finds them.
    variables: Vec<Variable>,
}

impl Databases {
    /// Starts those that the rows need.
    fn under<'a>(rows: impl Iterator<Item = &'a Row> + Clone) -> Result<Self, String> {
        let is_needed = |name: &&str| rows.clone().any(|row| row.arguments.contains(*name));
        let names: Vec<_> = ["postgres", "cassandra"].into_iter().filter(is_needed).collect();
        if names.is_empty() {
            return Ok(Self { _servers: None, variables: Vec::new() });
        }
        let known = servers::prepare()?;
        servers::build()?;
        let servers = Servers::start(&names, &known)?;
        let places = names.iter().zip(&servers.variables);
        let variables = places.flat_map(|(name, (_, at))| settings(name, &at.to_string_lossy()));
        Ok(Self { variables: variables.collect(), _servers: Some(servers) })
    }
}

/// How a broker is told of a database at `host:port` that lets everybody in.
fn settings(name: &str, at: &str) -> Vec<Variable> {
    let (host, port) = at.rsplit_once(':').unwrap_or((at, ""));
    let pairs = match name {
        "postgres" => vec![
            ("BROKER_POSTGRES_HOST", host),
            ("BROKER_POSTGRES_PORT", port),
            ("BROKER_POSTGRES_USER", "postgres"),
            ("BROKER_POSTGRES_DATABASE", "postgres"),
        ],
        _ => vec![("BROKER_CASSANDRA_HOSTS", at)],
    };
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

/// The folder of reports.
///
/// # Errors
/// That it cannot be made.
pub fn reports() -> Result<PathBuf, String> {
    let reports = workspace::target().join("measure");
    fs::create_dir_all(&reports).map_err(|error| error.to_string())?;
    Ok(reports)
}

/// Runs `broker bench`, whose report goes to that file, over a broker with these settings.
///
/// # Errors
/// What it said, if it found something.
pub fn bench(
    words: &[&str],
    settings: &[&str],
    variables: &[Variable],
    to: &Path,
) -> Result<Value, String> {
    let mut command = Command::new(workspace::release_binary());
    command.arg("bench").args(words).arg("--json").arg(to);
    if !settings.is_empty() {
        command.arg("--").args(settings);
    }
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stdout);
        let problem = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}\n{text}{problem}", output.status));
    }
    let text = fs::read_to_string(to).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

/// Builds the program that is measured.
///
/// # Errors
/// How the build ended.
pub fn build() -> Result<(), String> {
    command::run(Command::new(workspace::cargo()).args(["build", "--release"]))
}

fn head(report: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let machine = &report["machine"];
    format!(
        "{}; {} processors, {}, Linux {}\n\n\
         | workload | a second (least to most) | p50 | p99 | share of the ceiling | broker's processor \
         time | peak memory | syncs, or statements |\n| --- | --- | --- | --- | --- | --- | --- | --- |",
        text(&report["date"]),
        machine["processors"],
        text(&machine["model"]),
        text(&machine["kernel"]),
    )
}

fn line(row: &Row, report: &Value) -> String {
    let named = |end: &str| {
        let figures = report["figures"].as_array()?;
        figures.iter().find(|one| one["name"].as_str().is_some_and(|name| name.ends_with(end)))
    };
    let median = |end: &str| named(end).and_then(|one| one["median"].as_f64());
    let rate = report["figures"].get(0).map_or_else(String::new, |one| {
        let number = |key: &str| thousands(one[key].as_f64().unwrap_or(0.0));
        format!("{} ({} to {})", number("median"), number("least"), number("most"))
    });
    // The end to end latency where there is one, else the first that is told.
    let latency = |percentile: &str| {
        let found = median(&format!("end to end {percentile}")).or_else(|| median(percentile));
        found.map_or("-".to_owned(), time)
    };
    let cpu = median("processor time a message").map_or("-".into(), |us| format!("{us:.2} us"));
    let peak = median("peak anonymous memory").map_or("-".into(), |mib| format!("{mib:.0} MiB"));
    let asked = asked(&report["per_stored_message"]);
    format!(
        "| {} `{}` | {rate} | {} | {} | {} | {cpu} | {peak} | {asked} |",
        row.name,
        row.arguments,
        latency("p50"),
        latency("p99"),
        shares(report),
    )
}

/// What the store asked of the disk or the database for each stored message.
fn asked(per_message: &Value) -> String {
    let database = &per_message["database"];
    let number = |value: &Value| value.as_f64();
    match (number(&database["statements"]), number(&database["round_trips"])) {
        (Some(statements), Some(trips)) => {
            format!("{statements:.4} statements, {trips:.4} round trips")
        }
        _ => number(&per_message["syncs"]).map_or("-".into(), |syncs| format!("{syncs:.4}")),
    }
}

fn shares(report: &Value) -> String {
    let shares = report["shares"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ceiling = |share: &Value| thousands(share["ceiling"].as_f64().unwrap_or(0.0));
    let one = |share: &Value| {
        let part = share["share"].as_f64().unwrap_or(0.0);
        match share["of"].as_str().unwrap_or_default() {
            of if of.contains("lone writes") => format!("handler's p50 and {part:.2} lone writes"),
            of if of.contains("beyond") => format!("handler's p50 and {part:.2} syncs"),
            of if of.contains("disk") => format!("{:.0} % of appends", part * 100.0),
            of if of.contains("one bare client") => format!("{part:.1} times {}", ceiling(share)),
            of if of.contains("in bulk") => {
                format!("{:.0} % of {} rows in bulk", part * 100.0, ceiling(share))
            }
            _ => format!("{:.0} % of {}", part * 100.0, ceiling(share)),
        }
    };
    shares.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn time(us: f64) -> String {
    if us < 1_000.0 { format!("{us:.0} us") } else { format!("{:.2} ms", us / 1_000.0) }
}

/// A whole number with commas.
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_tells_what_the_report_tells() {
        let figure = |name: &str, median: f64| json!({"name": name, "median": median, "least": 1e3, "most": 2e6});
        let report = json!({
            "figures": [
                figure("messages acknowledged", 1_234_567.8),
                figure("acknowledgement p50", 85.4),
                figure("acknowledgement p99", 2_345.0),
                figure("broker's processor time a message", 0.456),
                figure("broker's peak anonymous memory", 12.3),
            ],
            "per_stored_message": {"syncs": 0.02},
            "shares": [{"of": "messages a second of the empty handler", "ceiling": 2e6, "share": 0.617}],
        });
        assert_eq!(
            line(&row("name", "publish"), &report),
            "| name `publish` | 1,234,568 (1,000 to 2,000,000) | 85 us | 2.35 ms | 62 % of 2,000,000 | \
             0.46 us | 12 MiB | 0.0200 |"
        );
    }

    #[test]
    fn a_line_of_a_database_tells_of_it_alone_and_of_statements() {
        let share = |of: &str, ceiling: f64, share: f64| json!({"of": of, "ceiling": ceiling, "share": share});
        let report = json!({
            "figures": [],
            "per_stored_message": {
                "syncs": 0.0, "database": {"statements": 0.01, "round_trips": 0.005},
            },
            "shares": [
                share("rows a second of bare clients in bulk", 3e5, 0.71),
                share("rows a second of one bare client, row by row", 1_500.0, 14.04),
                share("acknowledgement p50 beyond the handler's, in lone writes of a bare client", 9.0, 1.5),
            ],
        });
        assert_eq!(
            line(&row("name", "x"), &report),
            "| name `x` |  | - | - | 71 % of 300,000 rows in bulk; 14.0 times 1,500; handler's p50 and \
             1.50 lone writes | - | - | 0.0100 statements, 0.0050 round trips |"
        );
    }

    #[test]
    fn a_broker_is_told_where_the_databases_are() {
        let told = settings("postgres", "127.0.0.1:7");
        assert!(told.contains(&("BROKER_POSTGRES_PORT".into(), "7".into())), "{told:?}");
        let told = settings("cassandra", "127.0.0.1:7");
        assert_eq!(told, [("BROKER_CASSANDRA_HOSTS".into(), "127.0.0.1:7".into())]);
    }

    #[test]
    fn what_is_not_told_is_left_out() {
        let report = json!({"figures": [], "shares": []});
        assert_eq!(line(&row("name", "x"), &report), "| name `x` |  | - | - |  | - | - | - |");
    }
}
