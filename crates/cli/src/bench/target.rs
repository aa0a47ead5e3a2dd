//! The broker that is measured: one of the bench's own, or another one.

use super::{
    arguments::BenchCommand,
    host::{Host, Started},
    process::Process,
};
use crate::settings::StorageKind;
#[cfg(any(feature = "postgres", feature = "cassandra"))]
use crate::{
    arguments::{Arguments, Verb},
    settings,
};
use anyhow::{Context, Result};
#[cfg(any(feature = "postgres", feature = "cassandra"))]
use broker_storage::StorageConfig;
#[cfg(any(feature = "postgres", feature = "cassandra"))]
use clap::Parser;
use rustix::fs::statfs;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// What the kernel calls the memory file system.
const TMPFS: u64 = 0x0102_1994;

/// Where the messages of a bench rest in a database, unless it is told otherwise: apart from those of
/// a broker in use.
const PLACE: &str = "broker_bench";

/// A broker to measure. Dropping it ends it, if it is the bench's own, and removes its directory.
#[derive(Debug)]
pub struct Target {
    pub address: String,
    /// None when it is on another machine, or may not be looked at.
    pub process: Option<Process>,
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    // Before the directory, so that nothing writes there any more when that is removed.
    host: Host,
    directory: TempDir,
    storage: StorageKind,
}

/// What the broker's store has asked of the disk or the database in the broker's whole life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    pub syncs: u64,
    pub written_bytes: u64,
    /// Of a database; `None` where the store is over none.
    pub database: Option<DatabaseActivity>,
}

/// What a store has asked of its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseActivity {
    pub statements: u64,
    pub round_trips: u64,
}

impl Target {
    /// Starts a broker, or takes the one that is named.
    pub async fn open(command: &BenchCommand) -> Result<Self> {
        match &command.server {
            Some(server) => Ok(Self {
                address: server.clone(),
                process: Process::listening_at(server),
                own: None,
            }),
            None => Self::start(command).await,
        }
    }

    async fn start(command: &BenchCommand) -> Result<Self> {
        let directory = temporary_directory(command.dir.as_deref())?;
        let host = Host::new(arguments(command, &data(&directory)));
        let Started { address, process } = host.start().await?;
        Ok(Self { address, process, own: Some(Own { host, directory, storage: command.storage }) })
    }

    /// What it is, in words.
    pub fn words(&self) -> String {
        match (&self.own, self.process) {
            (Some(own), _) => {
                let kind = own.storage.name();
                let is_free =
                    own.storage == StorageKind::Local && is_in_memory(own.directory.path());
                let place = match is_free {
                    true => " on a file system in memory, where a sync costs nothing",
                    false => "",
                };
                let rest = match own.storage.place() {
                    Some(_) => "; what it stored stays in the database until it expires",
                    None => "",
                };
                format!("a broker of its own, store `{kind}`{place}{rest}")
            }
            (None, Some(process)) => {
                format!("the broker at {}, process {}", self.address, process.pid())
            }
            (None, None) => format!(
                "the broker at {}; its process is not on this machine or not ours to look at, so its \
                 processor time, memory and disk are not told",
                self.address
            ),
        }
    }

    /// Where it runs, if that is ours.
    pub fn host(&self) -> Option<Host> {
        Some(self.own.as_ref()?.host.clone())
    }

    /// The directory of its store, where that is ours.
    pub fn data(&self) -> Option<PathBuf> {
        let own = self.own.as_ref()?;
        (own.storage == StorageKind::Local).then(|| data(&own.directory))
    }

    /// How its store reaches its database, where the broker is ours and the store is over one.
    #[cfg(any(feature = "postgres", feature = "cassandra"))]
    pub fn database(&self) -> Result<Option<StorageConfig>> {
        let own = self.own.as_ref().filter(|own| own.storage.place().is_some());
        own.map(|own| store(own.host.arguments())).transpose()
    }

    /// Ends it and takes its directory away, if it is the bench's own.
    pub async fn close(self) -> Result<Option<Activity>> {
        let Some(Own { host, directory, .. }) = self.own else { return Ok(None) };
        let said = host.end().await?;
        directory.close().context("cannot remove the temporary directory")?;
        Ok(said.iter().rev().find_map(|line| activity(line)))
    }
}

/// A directory that is removed when this is dropped.
pub fn temporary_directory(inside: Option<&Path>) -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("broker-bench-");
    match inside {
        Some(inside) => builder
            .tempdir_in(inside)
            .with_context(|| format!("cannot make a directory in {}", inside.display())),
        None => builder.tempdir().context("cannot make a temporary directory"),
    }
}

pub fn is_in_memory(path: &Path) -> bool {
    statfs(path).is_ok_and(|about| u64::try_from(about.f_type) == Ok(TMPFS))
}

fn data(directory: &TempDir) -> PathBuf {
    directory.path().join("data")
}

/// What the store of a broker is told that would be started for that command.
#[cfg(any(feature = "postgres", feature = "cassandra"))]
pub fn store_of(command: &BenchCommand) -> Result<StorageConfig> {
    store(&arguments(command, Path::new("unused")))
}

/// What the store of a broker with these arguments is told.
#[cfg(any(feature = "postgres", feature = "cassandra"))]
fn store(arguments: &[OsString]) -> Result<StorageConfig> {
    let typed = std::iter::once("broker".into()).chain(arguments.iter().cloned());
    let Verb::Serve(serve) = Arguments::try_parse_from(typed)?.verb else {
        anyhow::bail!("a broker is started by `serve`");
    };
    Ok(settings::read(&serve)?.settings.store())
}

fn arguments(command: &BenchCommand, data: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
        "--log-level",
        "info",
        "--storage",
        command.storage.name(),
        "--data-dir",
    ]
    .map(OsString::from)
    .into();
    arguments.push(data.into());
    if let Some(setting) = command.storage.place() {
        let flag = format!("--{setting}");
        let is_flag = |given: &OsString| given.to_string_lossy().split('=').next() == Some(&flag);
        if !command.settings.iter().any(is_flag) {
            arguments.extend([flag.into(), PLACE.into()]);
        }
    }
    arguments.extend(command.settings.iter().cloned());
    arguments
}

/// The last line of the broker's log.
fn activity(line: &str) -> Option<Activity> {
    let line: Value = serde_json::from_str(line).ok()?;
    (line["message"].as_str()? == "closed").then(|| {
        let number = |name: &str| line[name].as_u64();
        let (syncs, written_bytes) = (number("syncs")?, number("written_bytes")?);
        let database = number("statements").zip(number("round_trips"));
        let database =
            database.map(|(statements, round_trips)| DatabaseActivity { statements, round_trips });
        Some(Activity { syncs, written_bytes, database })
    })?
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(feature = "postgres")]
    use crate::bench::arguments::tests::command as command_of;

    #[cfg(feature = "postgres")]
    #[test]
    fn in_a_database_it_has_a_place_of_its_own_unless_it_is_told_another() {
        let directory = temporary_directory(None).unwrap();
        let place = |settings: &[&str]| {
            let command = [&["publish", "--storage", "postgres", "--"], settings].concat();
            let arguments = arguments(&command_of(&command), directory.path());
            let shown = arguments.iter().map(|argument| argument.to_string_lossy().into_owned());
            let is_place = |text: &String| text.contains("-schema") || text.contains("b_");
            shown.filter(|text| is_place(text) || text == PLACE).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(place(&["--postgres-host", "db"]), "--postgres-schema broker_bench");
        assert_eq!(place(&["--postgres-schema", "b_2"]), "--postgres-schema b_2");
        assert_eq!(place(&["--postgres-schema=b_2"]), "--postgres-schema=b_2");
    }

    #[test]
    fn the_log_of_a_broker_is_understood() {
        let line = r#"{"level":"INFO","message":"closed","syncs":3,"written_bytes":4}"#;
        let of_disk = Activity { syncs: 3, written_bytes: 4, database: None };
        assert_eq!(activity(line), Some(of_disk));
        let line =
            r#"{"message":"closed","syncs":0,"written_bytes":0,"statements":5,"round_trips":6}"#;
        let database = Some(DatabaseActivity { statements: 5, round_trips: 6 });
        let of_database = Activity { syncs: 0, written_bytes: 0, database };
        assert_eq!(activity(line), Some(of_database));
        for other in ["", "broker: no", r#"{"message":"closing"}"#, r#"{"message":"closed"}"#] {
            assert_eq!(activity(other), None);
        }
    }
}
