//! Envoy with the configuration that is shipped, changed in nothing but addresses and what a test names.

use crate::{http, ports, process::Process};
use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

/// Says where the program is.
const VARIABLE: &str = "BROKER_ENVOY";

/// The line of the shipped file with a broker.
const BROKER: &str =
    "              - endpoint: {address: {socket_address: {address: broker, port_value: 8080}}}\n";

/// An Envoy on ports of 127.0.0.1.
pub struct Envoy {
    // Before the folder: it ends first.
    process: Process,
    folder: TempDir,
    edge: SocketAddr,
    statistics: SocketAddr,
    admin: SocketAddr,
}

/// A configuration to start one with.
#[derive(Debug, Clone)]
pub struct Setup {
    text: String,
    arguments: Vec<String>,
}

/// The shipped configuration.
pub fn shipped() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/envoy/envoy.yaml");
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

impl Setup {
    /// With one text instead of another, which the configuration must hold exactly once.
    #[must_use]
    pub fn with(self, from: &str, to: &str) -> Self {
        self.with_each(1, from, to)
    }

    /// With one text instead of another, which the configuration must hold exactly so often.
    #[must_use]
    pub fn with_each(mut self, times: usize, from: &str, to: &str) -> Self {
        assert_eq!(self.text.matches(from).count(), times, "{from:?} in the shipped configuration");
        self.text = self.text.replace(from, to);
        self
    }

    /// With the comment signs taken off the lines between one that ends with this and the next that is no
    /// comment.
    #[must_use]
    pub fn uncommented(mut self, below: &str) -> Self {
        self.text = uncomment(&self.text, below);
        self
    }

    /// With one more argument on the command line.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What Envoy says of it without starting.
    pub fn validate(&self) -> Output {
        let folder = TempDir::with_prefix("envoy-").expect("a temporary folder");
        let mut command = command(&folder, &self.text);
        command.args(["--mode", "validate"]).stdin(Stdio::null());
        command.output().unwrap_or_else(|error| panic!("Envoy: {error}"))
    }

    /// Starts one and waits until it serves.
    pub async fn start(self) -> Envoy {
        let folder = TempDir::with_prefix("envoy-").expect("a temporary folder");
        let free = || SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free_on_loopback()));
        let (edge, statistics, admin) = (free(), free(), free());
        let placed = self
            .with("address: 0.0.0.0, port_value: 10000", &place(edge))
            .with("address: 0.0.0.0, port_value: 9903", &place(statistics))
            .with_each(2, "address: 127.0.0.1, port_value: 9902", &place(admin));
        let mut command = command(&folder, &placed.text);
        command.args(["--concurrency", "1", "--log-level", "warn"]);
        // The access log is read while it runs.
        command.args(["--file-flush-interval-msec", "50"]).args(&placed.arguments);
        let process = Process::spawn("Envoy", &mut command, &folder.path().join("log"));
        let mut server = Envoy { process, folder, edge, statistics, admin };
        server.process.until_up(async || is_ready(admin).await).await;
        server
    }
}

impl Envoy {
    /// One before these brokers, not yet started.
    pub fn before(brokers: &[SocketAddr]) -> Setup {
        let line = |broker: &SocketAddr| {
            BROKER.replace("address: broker, port_value: 8080", &place(*broker))
        };
        let setup = Setup { text: shipped(), arguments: Vec::new() };
        setup.with(BROKER, &brokers.iter().map(line).collect::<String>())
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.edge
    }

    /// Where probes and Prometheus ask.
    pub fn statistics(&self) -> SocketAddr {
        self.statistics
    }

    /// Its admin port.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// A page of the port for probes and Prometheus.
    pub async fn page(&self, path: &str) -> String {
        text(http::ask(self.statistics, path, &[]).await)
    }

    /// A page of the admin port.
    pub async fn admin_page(&self, path: &str) -> String {
        text(http::ask(self.admin, path, &[]).await)
    }

    /// Has it do something, by a page of the admin port.
    pub async fn order(&self, path: &str) {
        assert_eq!(text(http::post(self.admin, path).await), "OK\n", "{path}");
    }

    /// A number of its statistics; none if there is no such name.
    pub async fn statistic(&self, name: &str) -> Option<u64> {
        let page = self.admin_page(&format!("/stats?filter=^{}$", name.replace('.', "\\."))).await;
        page.trim().rsplit(' ').next()?.parse().ok()
    }

    /// Lines of its access log.
    pub fn access_log(&self) -> Vec<serde_json::Value> {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        // A line may not be whole yet; others are Envoy's own log.
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

async fn is_ready(admin: SocketAddr) -> bool {
    http::ask(admin, "/ready", &[]).await.is_ok_and(|(_, page)| &page[..] == b"LIVE\n")
}

fn text(page: http::Answer) -> String {
    let (_, page) = page.unwrap_or_else(|error| panic!("Envoy's page: {error}"));
    String::from_utf8(page.to_vec()).expect("its pages are text")
}

/// An address as the configuration writes it.
fn place(address: SocketAddr) -> String {
    format!("address: {}, port_value: {}", address.ip(), address.port())
}

fn command(folder: &TempDir, text: &str) -> Command {
    let file = folder.path().join("envoy.yaml");
    fs::write(&file, text).expect("its folder can be written");
    let program = env::var_os(VARIABLE).map(PathBuf::from);
    let program = program.unwrap_or_else(|| panic!("{VARIABLE} names no Envoy"));
    let mut command = Command::new(program);
    command.arg("--config-path").arg(file).arg("--disable-hot-restart").current_dir(folder.path());
    command
}

fn uncomment(text: &str, below: &str) -> String {
    let mut lines = Vec::new();
    let mut within = false;
    let mut changed = 0;
    for line in text.lines() {
        let example =
            line.split_once("# ").filter(|(indent, _)| within && indent.trim().is_empty());
        within = line.ends_with(below) || (within && example.is_some());
        match example {
            Some((indent, rest)) => {
                changed += 1;
                lines.push(format!("{indent}{rest}"));
            }
            None => lines.push(line.to_owned()),
        }
    }
    assert!(changed > 0, "no example stands below {below:?}");
    lines.join("\n") + "\n"
}

#[test]
fn an_example_is_uncommented() {
    let text = "a: b\n# For example:\n# c:\n#   d: e\nf: g\n# h: i\n";
    let changed = "a: b\n# For example:\nc:\n  d: e\nf: g\n# h: i\n";
    assert_eq!(uncomment(text, "For example:"), changed);
}
