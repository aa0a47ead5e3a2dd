//! Prepares what the tests of the image and of Compose need.

use crate::{
    cache::Cache,
    command::{output, run},
    golang::{GO, go},
    images,
    servers::Variable,
    workspace,
};
use std::{fs, path::PathBuf, process::Command};

/// Compose 2, a module of Go.
const COMPOSE: &str = "github.com/docker/compose/v2/cmd";
const VERSION: &str = "v2.40.3";

/// Makes what the cache lacks; the variables that say where it is. What is in the cache needs no network.
///
/// # Errors
/// A sentence that says what is missing, or which command failed.
pub fn prepare() -> Result<Vec<Variable>, String> {
    let cache = Cache::of_the_user()?;
    Ok(vec![
        ("BROKER_TEST_IMAGES".into(), images::prepare(&cache)?.into()),
        ("BROKER_TEST_VENDOR".into(), vendored(&cache)?.into()),
        ("BROKER_COMPOSE".into(), compose(&cache)?.into()),
    ])
}

/// A cache entry with the sources of all dependencies, for a build without a network.
fn vendored(cache: &Cache) -> Result<PathBuf, String> {
    let lock = workspace::root().join("Cargo.lock");
    let text =
        fs::read(&lock).map_err(|error| format!("Can't read {}: {error}.", lock.display()))?;
    let entry = cache.entry("vendor", &[&text], |aside| {
        let mut vendor = Command::new(workspace::cargo());
        vendor.args(["vendor", "--locked", "--quiet"]).current_dir(workspace::root());
        // It answers what a configuration would have to say.
        output(vendor.arg(aside.join("vendor"))).map(drop)
    })?;
    Ok(entry.join("vendor"))
}

/// A cache entry with the program of Compose 2.
fn compose(cache: &Cache) -> Result<PathBuf, String> {
    let version = GO.check()?;
    let definition = [COMPOSE.as_bytes(), VERSION.as_bytes(), version.as_bytes()];
    let entry = cache.entry("compose", &definition, |aside| {
        // It excludes modules, so `go install` refuses it; as a tool of another module it builds.
        run(&mut go(cache, &["mod", "init", "example.test/compose"], aside))?;
        run(&mut go(cache, &["get", "-tool", &format!("{COMPOSE}@{VERSION}")], aside))?;
        let flags = format!("-s -w -X github.com/docker/compose/v2/internal.Version={VERSION}");
        let build = ["build", "-trimpath", "-ldflags", &flags, "-o", "docker-compose", COMPOSE];
        run(&mut go(cache, &build, aside))
    })?;
    Ok(entry.join("docker-compose"))
}
