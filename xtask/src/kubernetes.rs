//! Prepares the programs of a Kubernetes of one node, from their Go modules.

use crate::{
    cache::{Cache, cant},
    command::run,
    containers,
    golang::{GO, go},
    servers::Variable,
    workspace,
};
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// What lies in the folder of sources.
const SOURCES: [&str; 7] = [
    "go.mod",
    "go.sum",
    "node/main.go",
    "pause/main.go",
    "dns/go.mod",
    "dns/go.sum",
    "dns/main.go",
];

/// What the program `node` is called by.
const NAMES: [&str; 7] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
];

/// Makes what the cache lacks; the variables that say where it is. What is in the cache needs no network;
/// a first build takes six minutes of two processors.
///
/// # Errors
/// A sentence that says what is missing, or which command failed.
pub fn prepare() -> Result<Vec<Variable>, String> {
    let mut variables = containers::prepare()?;
    variables.push(("BROKER_KUBERNETES".into(), programs()?.into()));
    Ok(variables)
}

/// A cache entry with the programs; where it is.
fn programs() -> Result<PathBuf, String> {
    let version = GO.check()?;
    let cache = Cache::of_the_user()?;
    let folder = workspace::root().join("tests/kubernetes");
    let mut definition = vec![version.into_bytes()];
    for source in SOURCES {
        let path = folder.join(source);
        definition.push(fs::read(&path).map_err(|error| cant("read", &path, &error))?);
    }
    let definition: Vec<&[u8]> = definition.iter().map(Vec::as_slice).collect();
    cache.entry("kubernetes", &definition, |aside| {
        build(&cache, &folder, "./node", &aside.join("node"), &stamp(&folder)?)?;
        build(&cache, &folder, "./pause", &aside.join("pause"), "")?;
        build(&cache, &folder.join("dns"), ".", &aside.join("coredns"), "")?;
        let link = |name| symlink("node", aside.join(name));
        NAMES.into_iter().try_for_each(link).map_err(|error| cant("link in", aside, &error))
    })
}

fn build(
    cache: &Cache,
    module: &Path,
    package: &str,
    program: &Path,
    flags: &str,
) -> Result<(), String> {
    let mut build =
        go(cache, &["build", "-trimpath", "-ldflags", &format!("-s -w {flags}")], module);
    run(build.arg("-o").arg(program).arg(package))
}

/// Flags of the linker that tell the programs their version: one that does not know it calls itself v0.0.0
/// and is refused by the others.
fn stamp(folder: &Path) -> Result<String, String> {
    let path = folder.join("go.mod");
    let module = fs::read_to_string(&path).map_err(|error| cant("read", &path, &error))?;
    let version =
        version(&module).ok_or_else(|| format!("{} names no version.", path.display()))?;
    let minor = version.split('.').nth(1).unwrap_or_default();
    let packages = ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"];
    let flags = packages.map(|package| {
        format!("-X {package}.gitVersion={version} -X {package}.gitMajor=1 -X {package}.gitMinor={minor}")
    });
    Ok(flags.join(" "))
}

/// The version of Kubernetes that a module requires.
fn version(module: &str) -> Option<&str> {
    let mut lines = module.lines().map(|line| line.trim().trim_start_matches("require "));
    lines.find_map(|line| line.strip_prefix("k8s.io/kubernetes "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_module() {
        let module = "require (\n\tk8s.io/kubectl v0.0.0\n\tk8s.io/kubernetes v1.34.9\n)\n";
        assert_eq!(version(module), Some("v1.34.9"));
        assert_eq!(version("require k8s.io/kubernetes v1.35.0"), Some("v1.35.0"));
        assert_eq!(version("replace k8s.io/kubernetes-a => b v1\n"), None);
    }
}
