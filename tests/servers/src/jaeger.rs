//! Jaeger, which takes spans by OTLP over gRPC and is asked for traces by HTTP.

use crate::{http, ports, process::Process};
use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Command,
};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// Says where the program is.
const VARIABLE: &str = "BROKER_JAEGER";

/// A Jaeger that keeps traces in memory.
pub struct Jaeger {
    // Before the folder: it ends first.
    process: Process,
    folder: TempDir,
    otlp: SocketAddr,
    query: SocketAddr,
}

impl Jaeger {
    /// Starts one and waits until it answers.
    pub async fn start() -> Self {
        let folder = TempDir::with_prefix("jaeger-").expect("a temporary folder");
        let free = || SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free_on_loopback()));
        let (otlp, query, grpc_query) = (free(), free(), free());
        let file = folder.path().join("config.yaml");
        fs::write(&file, config(otlp, query, grpc_query)).expect("its folder can be written");
        let process = spawn(&folder);
        let mut server = Self { process, folder, otlp, query };
        server.wait().await;
        server
    }

    /// Where it takes spans.
    pub fn otlp(&self) -> SocketAddr {
        self.otlp
    }

    /// The same as a URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.otlp)
    }

    /// kill -9; it is gone when this returns, and with it all traces.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, on the same ports and without any trace.
    pub async fn restart(&mut self) {
        self.process = spawn(&self.folder);
        self.wait().await;
    }

    /// What it answers to a GET: the status and the content, if it answers.
    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        let (status, content) = http::ask(self.query, path, &[]).await.ok()?;
        Some((status.as_u16(), String::from_utf8(content.to_vec()).ok()?))
    }

    async fn wait(&mut self) {
        let (otlp, query) = (self.otlp, self.query);
        let answers = async || {
            TcpStream::connect(otlp).await.is_ok() && TcpStream::connect(query).await.is_ok()
        };
        self.process.until_up(answers).await;
    }
}

fn spawn(folder: &TempDir) -> Process {
    let program = env::var_os(VARIABLE).map(PathBuf::from);
    let program = program.unwrap_or_else(|| panic!("{VARIABLE} names no Jaeger"));
    let mut command = Command::new(program);
    command.arg("--config").arg(folder.path().join("config.yaml")).current_dir(folder.path());
    // It would trace itself, to whoever listens on OTLP's usual port.
    command.env("OTEL_TRACES_SAMPLER", "always_off");
    Process::spawn("Jaeger", &mut command, &folder.path().join("log"))
}

fn config(otlp: SocketAddr, query: SocketAddr, grpc_query: SocketAddr) -> String {
    format!(
        "service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [jaeger_storage_exporter]
  telemetry:
    metrics:
      level: none
    logs:
      level: warn
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: {otlp}
exporters:
  jaeger_storage_exporter:
    trace_storage: memory
extensions:
  jaeger_storage:
    backends:
      memory:
        memory:
          max_traces: 100000
  jaeger_query:
    storage:
      traces: memory
    http:
      endpoint: {query}
    grpc:
      endpoint: {grpc_query}
"
    )
}
