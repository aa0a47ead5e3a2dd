//! What `deploy` ships, as tests run it: with other addresses and shorter times, nothing else changed.

use broker_test_servers::Prometheus;
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// A file or folder of the repository.
pub fn path(inside: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(inside)
}

/// The text of a file of the repository.
pub fn text(inside: &str) -> String {
    let path = path(inside);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Names of the files in a folder of the repository, in their order.
pub fn files(inside: &str) -> Vec<String> {
    let path = path(inside);
    let entries = fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("names are plain");
    let mut names: Vec<String> =
        entries.map(|entry| name(entry.expect("it can be listed"))).collect();
    names.sort();
    names
}

/// What Prometheus scrapes.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    /// Admin ports of brokers, each with its cluster.
    pub brokers: Vec<(String, SocketAddr)>,
    /// A node exporter.
    pub node: Option<SocketAddr>,
}

impl Targets {
    /// With a broker of this cluster.
    pub fn broker(mut self, cluster: &str, admin: SocketAddr) -> Self {
        self.brokers.push((cluster.to_owned(), admin));
        self
    }

    /// Starts a Prometheus with the shipped configuration that scrapes them every second.
    pub async fn watch(&self) -> Prometheus {
        Prometheus::start(|folder, own| self.lay(folder, own)).await
    }

    fn lay(&self, folder: &Path, own: SocketAddr) {
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        };
        write("prometheus.yml", self.configuration(&text("deploy/prometheus/prometheus.yml"), own));
        fs::create_dir(folder.join("rules")).expect("the folder is new");
        for name in files("deploy/prometheus/rules") {
            write(
                &format!("rules/{name}"),
                hastened(&text(&format!("deploy/prometheus/rules/{name}"))),
            );
        }
    }

    /// The configuration with these targets, every second.
    fn configuration(&self, shipped: &str, own: SocketAddr) -> String {
        let broker = |(cluster, admin): &(String, SocketAddr)| {
            format!("      - targets: [{admin}]\n        labels: {{cluster: {cluster}}}\n")
        };
        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        let node = self.node.unwrap_or(nobody);
        let replacements = [
            ("scrape_interval: 5s", "scrape_interval: 1s".to_owned()),
            ("scrape_timeout: 4s", "scrape_timeout: 1s".to_owned()),
            ("evaluation_interval: 5s", "evaluation_interval: 1s".to_owned()),
            (
                "      - targets: [127.0.0.1:9901]\n        labels: {cluster: main}\n",
                self.brokers.iter().map(broker).collect(),
            ),
            ("[127.0.0.1:9100]", format!("[{node}]")),
            // Neither of them runs.
            ("[127.0.0.1:9903]", format!("[{nobody}]")),
            ("[127.0.0.1:8888]", format!("[{nobody}]")),
            ("[127.0.0.1:9090]", format!("[{own}]")),
        ];
        replacements.iter().fold(shipped.to_owned(), |text, (from, to)| {
            assert_eq!(text.matches(from).count(), 1, "the shipped configuration has one `{from}`");
            text.replace(from, to)
        })
    }
}

/// Rules whose alerts fire once their condition has held for a second.
fn hastened(rules: &str) -> String {
    let line = |line: &str| match line.split_once("for: ") {
        Some((indent, _)) if indent.trim().is_empty() => format!("{indent}for: 1s\n"),
        _ => format!("{line}\n"),
    };
    rules.lines().map(line).collect()
}

#[test]
fn only_the_times_of_alerts_are_shortened() {
    let rules = "- alert: A\n  for: 5m\n  annotations:\n    summary: for: x\n- alert: B\n";
    let hastened = hastened(rules);
    assert_eq!(hastened, rules.replace("for: 5m", "for: 1s"));
    let shipped = text("deploy/prometheus/rules/alerts.yml");
    let changed = shipped
        .lines()
        .zip(self::hastened(&shipped).lines().map(str::to_owned))
        .filter(|(before, after)| before != after)
        .inspect(|(_, after)| assert_eq!(after.trim(), "for: 1s"))
        .count();
    assert!(changed > 10, "{changed} alerts wait for something to last");
}

#[test]
fn targets_are_the_only_other_change() {
    let shipped = text("deploy/prometheus/prometheus.yml");
    let own = ([127, 0, 0, 1], 7).into();
    let targets = Targets::default().broker("a", ([127, 0, 0, 1], 2).into()).broker("b", own);
    let configuration = targets.configuration(&shipped, own);
    assert!(configuration.contains("[127.0.0.1:2]\n        labels: {cluster: a}\n"));
    assert!(configuration.contains("[127.0.0.1:7]\n        labels: {cluster: b}\n"));
    let jobs = |text: &str| text.matches("job_name: ").count();
    assert_eq!(jobs(&configuration), jobs(&shipped));
}
