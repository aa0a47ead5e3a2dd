//! Prometheus, and the node exporter that it scrapes.

use crate::{http, ports, process::Process};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// A Prometheus on a port of 127.0.0.1.
pub struct Prometheus {
    // Before the folder: it ends first.
    _process: Process,
    _folder: TempDir,
    address: SocketAddr,
}

/// One value of an expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its labels, the metric's name among them as `__name__`.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Prometheus {
    /// Starts one and waits until it answers. `lay` is told where it will listen, and writes
    /// `prometheus.yml` and the files that this names to a folder.
    pub async fn start(lay: impl FnOnce(&Path, SocketAddr)) -> Self {
        let folder = TempDir::with_prefix("prometheus-").expect("a temporary folder");
        let address = (Ipv4Addr::LOCALHOST, ports::free_on_loopback()).into();
        lay(folder.path(), address);
        let mut command = Command::new("prometheus");
        command.current_dir(folder.path()).arg("--config.file=prometheus.yml");
        command.arg("--storage.tsdb.path=data").arg(format!("--web.listen-address={address}"));
        let log = folder.path().join("log");
        let mut process = Process::spawn("Prometheus", &mut command, &log);
        process
            .until_up(async || ask(address, "/api/v1/query", &[("query", "1")]).await.is_ok())
            .await;
        Self { _process: process, _folder: folder, address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The `data` of one of the answers of its API.
    ///
    /// # Errors
    /// What it says against the request.
    pub async fn ask(&self, path: &str, form: &[(&str, &str)]) -> Result<Value, String> {
        ask(self.address, path, form).await
    }

    /// What an expression is now.
    ///
    /// # Errors
    /// It can't be parsed or evaluated; Prometheus' words.
    pub async fn query(&self, expression: &str) -> Result<Vec<Sample>, String> {
        let data = self.ask("/api/v1/query", &[("query", expression)]).await?;
        samples(&data).ok_or_else(|| format!("no vector: {data}"))
    }

    /// The only value of an expression now; nothing while it has none.
    pub async fn value(&self, expression: &str) -> Option<f64> {
        let samples = self.query(expression).await;
        let samples = samples.unwrap_or_else(|error| panic!("{expression}: {error}"));
        assert!(samples.len() < 2, "{expression} has one value: {samples:?}");
        samples.first().map(|sample| sample.value)
    }
}

/// A node exporter on a port of 127.0.0.1.
pub struct NodeExporter {
    _process: Process,
    _folder: TempDir,
    address: SocketAddr,
}

impl NodeExporter {
    /// Starts one and waits until it listens.
    pub async fn start() -> Self {
        let folder = TempDir::with_prefix("node-exporter-").expect("a temporary folder");
        let address: SocketAddr = (Ipv4Addr::LOCALHOST, ports::free_on_loopback()).into();
        let mut command = Command::new("prometheus-node-exporter");
        command.arg(format!("--web.listen-address={address}"));
        let log = folder.path().join("log");
        let mut process = Process::spawn("the node exporter", &mut command, &log);
        process.until_up(async || TcpStream::connect(address).await.is_ok()).await;
        Self { _process: process, _folder: folder, address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn ask(address: SocketAddr, path: &str, form: &[(&str, &str)]) -> Result<Value, String> {
    // What is wrong is said in the body.
    let (_, body) = http::ask(address, path, form).await.map_err(|error| error.to_string())?;
    let mut answer: Value = serde_json::from_slice(&body)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&body)))?;
    match answer["status"].as_str() {
        Some("success") => Ok(answer["data"].take()),
        _ => Err(answer["error"].as_str().unwrap_or("no error is named").to_owned()),
    }
}

/// The samples of a vector, or of a scalar.
fn samples(data: &Value) -> Option<Vec<Sample>> {
    let value = |value: &Value| value.get(1)?.as_str()?.parse().ok();
    if data["resultType"] == "scalar" {
        return Some(vec![Sample { labels: BTreeMap::new(), value: value(&data["result"])? }]);
    }
    let sample = |sample: &Value| {
        let labels = sample["metric"].as_object()?.iter();
        let text =
            |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        Some(Sample {
            labels: labels.map(text).collect::<Option<_>>()?,
            value: value(&sample["value"])?,
        })
    };
    data["result"].as_array()?.iter().map(sample).collect()
}

#[test]
fn samples_are_read() {
    let data = serde_json::json!({"resultType": "vector", "result": [
        {"metric": {"a": "b"}, "value": [1.5, "NaN"]}, {"metric": {}, "value": [1.5, "2.5"]}]});
    let read = samples(&data).unwrap();
    assert_eq!(read[0].labels, BTreeMap::from([("a".to_owned(), "b".to_owned())]));
    assert!(read[0].value.is_nan());
    assert_eq!(read[1], Sample { labels: BTreeMap::new(), value: 2.5 });
    let scalar = serde_json::json!({"resultType": "scalar", "result": [1, "3"]});
    assert_eq!(samples(&scalar).unwrap()[0].value.to_bits(), 3.0_f64.to_bits());
    assert_eq!(samples(&serde_json::json!({"resultType": "matrix", "result": [{}]})), None);
}
