//! The settings of the binary: every source, every refusal, and `broker config`.

mod config;
mod kubernetes;
mod refusals;
mod sources;

use crate::command::{Finished, broker, run};
use serde_json::Value;
use std::{fs, path::Path, process::Command};
use tempfile::TempDir;

/// A working directory with files of settings.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.path().join(name), content).unwrap();
        self
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// The binary, started here. A `broker.toml` is read if there is one, and no file elsewhere.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = broker(arguments);
        command.current_dir(self.path());
        if self.path().join("broker.toml").exists() {
            command.env_remove("BROKER_CONFIG");
        }
        command
    }

    /// `broker config`, run to its end.
    fn config(&self, flags: &[&str], variables: &[(&str, &str)]) -> Finished {
        let mut command = self.command(&["config", "--format", "json"]);
        command.args(flags).envs(variables.iter().copied());
        run(command, b"")
    }

    /// What holds for a setting, and where it comes from, in words.
    fn holds(&self, name: &str, flags: &[&str], variables: &[(&str, &str)]) -> String {
        let setting = find(&self.config(flags, variables), name);
        let words = ["value", "source", "source_name", "line"].map(|field| &setting[field]);
        let words = words.into_iter().filter(|word| !word.is_null());
        words.map(word).collect::<Vec<_>>().join(" ")
    }
}

/// The line of a setting.
fn find(finished: &Finished, name: &str) -> Value {
    let lines = finished.text().lines().map(|line| serde_json::from_str(line).unwrap());
    let mut lines = lines.filter(|line: &Value| line["name"] == name);
    lines.next().unwrap_or_else(|| panic!("no {name}: {finished:?}"))
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
