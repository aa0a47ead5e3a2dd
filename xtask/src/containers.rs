//! Prepares what the tests of the image and of Compose need.

use crate::{
    cache::{Cache, cant},
    command::output,
    golang, images,
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
    let text = fs::read(&lock).map_err(|error| cant("read", &lock, &error))?;
    let entry = cache.entry("vendor", &[&text], |aside| {
        let mut vendor = Command::new(workspace::cargo());
        vendor.args(["vendor", "--locked", "--quiet"]).current_dir(workspace::root());
        // It answers what a configuration would have to say.
        output(vendor.arg(aside.join("vendor"))).map(drop)
    })?;
    Ok(entry.join("vendor"))
}

/// The program of Compose 2.
fn compose(cache: &Cache) -> Result<PathBuf, String> {
    let linker = format!("-s -w -X github.com/docker/compose/v2/internal.Version={VERSION}");
    golang::tool(cache, ("compose", COMPOSE, VERSION), "docker-compose", &linker)
}
