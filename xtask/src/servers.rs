//! Prepares Cassandra's class paths, and runs the servers that the tests of a run share.

use crate::{
    cache::{Cache, cant},
    command::{run, succeed},
    java,
    maven::Project,
    steps, workspace,
};
use std::{
    ffi::OsString,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// Versions of Cassandra: the newest, and the oldest that the broker works with.
const NEWEST: &str = "5.0.9";
const OLDEST: &str = "4.1.10";

/// A variable and its value.
pub type Variable = (String, OsString);

/// Makes the class paths that the cache lacks; the variables that say where they and Java are. What is in
/// the cache needs no network.
///
/// # Errors
/// A sentence that says what is missing, or which command failed.
pub fn prepare() -> Result<Vec<Variable>, String> {
    let java = java::find()?;
    let cache = Cache::of_the_user()?;
    Ok(vec![
        ("BROKER_CASSANDRA".into(), classes(&cache, NEWEST)?.into()),
        ("BROKER_CASSANDRA_OLD".into(), classes(&cache, OLDEST)?.into()),
        ("BROKER_JAVA".into(), java.into()),
    ])
}

/// A cache entry with the class path of a version.
fn classes(cache: &Cache, version: &str) -> Result<PathBuf, String> {
    let project = Project {
        file: "cassandra.xml",
        name: &format!("cassandra-{version}"),
        goal: "copy",
        properties: &[("cassandra.version", version)],
    };
    project.entry(cache, |_| Ok(()))
}

/// Keeps servers until the program that starts them is ended.
///
/// # Errors
/// A sentence that says what is missing, or how that program ended.
pub fn keep(names: &[&str]) -> Result<(), String> {
    let variables = prepare()?;
    build()?;
    succeed(Command::new(program()).args(names).envs(variables))
}

/// Builds the program that starts servers.
///
/// # Errors
/// How the build ended.
pub fn build() -> Result<(), String> {
    // As the tests are built: else cargo would build what they depend on once more.
    let mut cargo = Command::new(workspace::cargo());
    cargo.args(steps::BUILD_DATABASES.split_whitespace()).arg("--quiet");
    run(cargo.current_dir(workspace::root()))
}

/// The program that starts servers, once it is built.
fn program() -> PathBuf {
    workspace::target().join("debug/broker-test-servers")
}

/// Servers that run. They end with this, however this process ends.
pub struct Servers {
    child: Child,
    /// Where they are.
    pub variables: Vec<Variable>,
}

impl Servers {
    /// Starts servers by the program `broker-test-servers`, which is built, and waits until they answer.
    ///
    /// # Errors
    /// A sentence; what stands against it was said by that program.
    pub fn start(names: &[&str], variables: &[Variable]) -> Result<Self, String> {
        let program = program();
        let mut command = Command::new(&program);
        command.args(names).envs(variables.iter().map(|(name, value)| (name, value)));
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| cant("run", &program, &error))?;
        let said = child.stdout.take().map(BufReader::new);
        let lines = said.into_iter().flat_map(BufRead::lines).map_while(Result::ok);
        let variables = lines.filter_map(|line| {
            let (name, value) = line.split_once('=')?;
            Some((name.to_owned(), value.into()))
        });
        let servers = Self { variables: variables.take(names.len()).collect(), child };
        if servers.variables.len() < names.len() {
            return Err(format!("No server for the tests: {} did not start.", names.join(", ")));
        }
        Ok(servers)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // They end when nobody holds the other end of their input.
        self.child.stdin.take();
        let _ = self.child.wait();
    }
}
