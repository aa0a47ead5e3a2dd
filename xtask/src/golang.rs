//! Go, with its caches among what the tests keep.

use crate::{cache::Cache, command::run, toolchain::Toolchain};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The Go that is needed.
pub const GO: Toolchain = Toolchain {
    program: "go",
    argument: "version",
    prefix: "go",
    oldest: (1, 25),
    advice: "no Debian package is new enough, see go.dev/doc/install",
};

/// A command of Go in the folder of a module.
pub fn go(cache: &Cache, arguments: &[&str], module: &Path) -> Command {
    let mut go = Command::new("go");
    go.args(arguments).current_dir(module);
    go.env("GOMODCACHE", cache.root.join("go-modules"));
    go.env("GOCACHE", cache.root.join("go-builds"));
    // A cache that its owner can delete; nothing is asked of version control.
    go.env("GOFLAGS", "-modcacherw -buildvcs=false").env("CGO_ENABLED", "0");
    go
}

/// A cache entry with a program whose module replaces or excludes others, which `go install` refuses: as a tool of
/// another module it builds. Where the program is.
///
/// # Errors
/// A sentence that says what is missing, or which command failed.
pub fn tool(
    cache: &Cache,
    (name, package, version): (&str, &str, &str),
    program: &str,
    linker: &str,
) -> Result<PathBuf, String> {
    let go_version = GO.check()?;
    let definition = [package.as_bytes(), version.as_bytes(), go_version.as_bytes()];
    let entry = cache.entry(name, &definition, |aside| {
        run(&mut go(cache, &["mod", "init", &format!("example.test/{name}")], aside))?;
        run(&mut go(cache, &["get", "-tool", &format!("{package}@{version}")], aside))?;
        let build = ["build", "-trimpath", "-ldflags", linker, "-o", program, package];
        run(&mut go(cache, &build, aside))
    })?;
    Ok(entry.join(program))
}
