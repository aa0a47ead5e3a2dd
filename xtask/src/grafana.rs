//! Prepares Grafana's types and the compiler that checks dashboards against them.

use crate::{
    cache::{Cache, cant},
    command::run,
    servers::Variable,
    toolchain::NODE,
    workspace,
};
use std::{fs, process::Command};

/// A cache entry with the packages that `tests/telemetry` locks, and the variable that says where it is.
///
/// # Errors
/// A sentence that says what is missing, or which command failed.
pub fn prepare() -> Result<Variable, String> {
    NODE.check()?;
    let from = workspace::root().join("tests/telemetry");
    let lock = from.join("package-lock.json");
    let definition = fs::read(&lock).map_err(|error| cant("read", &lock, &error))?;
    let entry = Cache::of_the_user()?.entry("grafana", &[&definition], |aside| {
        for file in ["package.json", "package-lock.json"] {
            let to = aside.join(file);
            fs::copy(from.join(file), &to).map_err(|error| cant("write", &to, &error))?;
        }
        let mut npm = Command::new("npm");
        // The packages are types and a compiler: no install script has anything to do.
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(aside);
        run(&mut npm)
    })?;
    Ok(("BROKER_GRAFANA_TYPES".into(), entry.into()))
}
