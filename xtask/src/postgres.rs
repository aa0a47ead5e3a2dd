//! PostgreSQL of other versions than the system's.

use crate::{
    cache::{Cache, cant},
    command::run,
    maven::Project,
    servers::Variable,
};
use std::{env::consts::ARCH, fs, path::Path, process::Command};

/// The oldest version that the broker works with, and the newest.
const OLDEST: &str = "13.23.0";
const NEWEST: &str = "18.1.0";

/// The variable that says where the oldest version is; made if the cache lacks it.
///
/// # Errors
/// A sentence that says what is missing, or which command failed.
pub fn prepare_oldest() -> Result<Vec<Variable>, String> {
    prepare(OLDEST)
}

/// The same for the newest version.
///
/// # Errors
/// As [`prepare_oldest`].
pub fn prepare_newest() -> Result<Vec<Variable>, String> {
    prepare(NEWEST)
}

fn prepare(version: &str) -> Result<Vec<Variable>, String> {
    let machine = match ARCH {
        "x86_64" => "linux-amd64",
        "aarch64" => "linux-arm64v8",
        other => return Err(format!("There is no PostgreSQL {version} for {other} by Maven.")),
    };
    let project = Project {
        file: "postgres.xml",
        name: &format!("postgres-{version}"),
        goal: "unpack",
        properties: &[("postgres.version", version), ("postgres.machine", machine)],
    };
    let folder = project.entry(&Cache::of_the_user()?, unpack)?;
    Ok(vec![("BROKER_POSTGRES".into(), folder.into())])
}

/// Unpacks the archive that was in the package: `bin`, `lib` and `share`.
fn unpack(folder: &Path) -> Result<(), String> {
    let package = folder.join("package");
    fs::rename(folder.join("lib"), &package).map_err(|error| cant("rename", folder, &error))?;
    let files = fs::read_dir(&package).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_archive = |file: &Path| file.extension().is_some_and(|it| it == "txz");
    let archive = files.into_iter().find(|file| is_archive(file));
    let archive = archive.ok_or_else(|| format!("{} has no archive.", package.display()))?;
    run(Command::new("tar").arg("-xJf").arg(archive).arg("-C").arg(folder))?;
    fs::remove_dir_all(&package).map_err(|error| cant("remove", &package, &error))
}
