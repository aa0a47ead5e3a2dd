//! Prepares what the tests of telemetry need and no package of the system brings: Jaeger, and
//! Grafana's types.

use crate::{
    cache::Cache,
    command::run,
    golang::{GO, go},
    grafana,
    servers::{self, Variable},
};
use std::path::PathBuf;

/// Jaeger as its makers publish it, a module of Go.
const JAEGER: &str = "github.com/jaegertracing/jaeger/cmd/jaeger";
const VERSION: &str = "v1.76.0";

/// Makes what the cache lacks; the variables that say where it is. What is in the cache needs no network;
/// a first build of Jaeger takes some minutes.
///
/// # Errors
/// A sentence that says what is missing, or which command failed.
pub fn prepare() -> Result<Vec<Variable>, String> {
    let mut variables = servers::prepare()?;
    variables.push(grafana::prepare()?);
    variables.push(("BROKER_JAEGER".into(), jaeger()?.into()));
    Ok(variables)
}

/// A cache entry with Jaeger's program; where that is.
///
/// # Errors
/// Which command failed.
pub fn jaeger() -> Result<PathBuf, String> {
    let version = GO.check()?;
    let cache = Cache::of_the_user()?;
    let definition = [JAEGER.as_bytes(), VERSION.as_bytes(), version.as_bytes()];
    let entry = cache.entry("jaeger", &definition, |aside| {
        // It replaces modules, so `go install` refuses it; as a tool of another module it builds.
        run(&mut go(&cache, &["mod", "init", "example.test/jaeger"], aside))?;
        run(&mut go(&cache, &["get", "-tool", &format!("{JAEGER}@{VERSION}")], aside))?;
        let build = ["build", "-trimpath", "-ldflags", "-s -w", "-o", "jaeger", JAEGER];
        run(&mut go(&cache, &build, aside))
    })?;
    Ok(entry.join("jaeger"))
}
