//! Go, with its caches among what the tests keep.

use crate::{cache::Cache, toolchain::Toolchain};
use std::{path::Path, process::Command};

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
