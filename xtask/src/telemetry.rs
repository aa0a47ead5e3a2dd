//! Prepares what the tests of telemetry need and no package of the system brings: Jaeger, and
//! Grafana's types.

use crate::{
    cache::Cache,
    golang, grafana,
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
    golang::tool(&Cache::of_the_user()?, ("jaeger", JAEGER, VERSION), "jaeger", "-s -w")
}
