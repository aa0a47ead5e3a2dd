//! A broker to type commands against.

use crate::command::{Finished, Running, broker, run};
use serde_json::Value;
use std::{path::Path, process::Command};

/// A running broker. Dropping it kills it.
pub struct Server {
    pub running: Running,
    pub port: u64,
    pub admin_port: u64,
}

impl Server {
    /// A broker whose store is in memory.
    pub fn in_memory() -> Self {
        Self::start(serve(&["--storage", "memory"]))
    }

    /// A broker whose store is in that directory.
    pub fn on_disk(directory: &Path) -> Self {
        Self::start(serve(&["--data-dir", directory.to_str().unwrap()]))
    }

    /// The same on a port that was its own before.
    pub fn on_disk_at(directory: &Path, port: u64) -> Self {
        let address = format!("127.0.0.1:{port}");
        let data = ["--data-dir", directory.to_str().unwrap()];
        let listen = ["--listen", &address, "--admin-listen", "127.0.0.1:0"];
        Self::start(broker(&[&["serve"], &data[..], &listen[..]].concat()))
    }

    /// Starts a broker and waits until it says on which ports it listens.
    pub fn start(command: Command) -> Self {
        let mut running = Running::start_broker(command);
        let admin_port = running.hear(|line| port(line, "admin pages listening"));
        let port = running.hear(|line| port(line, "gRPC server listening"));
        Self { running, port, admin_port }
    }

    /// A client verb against this broker.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = broker(arguments);
        command.env("BROKER_SERVER", format!("http://127.0.0.1:{}", self.port));
        command.env("BROKER_ADMIN", format!("http://127.0.0.1:{}", self.admin_port));
        command
    }

    /// Runs a client verb to its end.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        run(self.command(arguments), b"")
    }

    /// Runs a client verb to its end, with that input.
    pub fn run_with(&self, arguments: &[&str], input: &[u8]) -> Finished {
        run(self.command(arguments), input)
    }
}

/// `broker serve` on free ports of loopback.
pub fn serve(arguments: &[&str]) -> Command {
    let mut command =
        broker(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    command.args(arguments);
    command
}

fn port(line: &str, message: &str) -> Option<u64> {
    let line: Value = serde_json::from_str(line).ok()?;
    line["message"].as_str()?.starts_with(message).then(|| line["port"].as_u64())?
}
