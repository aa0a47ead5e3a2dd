//! What comes by Maven, kept in the cache.

use crate::{
    cache::{Cache, cant},
    command::run,
    workspace,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A cache entry with what a project of `tests/servers` depends on, in its folder `lib`.
pub struct Project<'a> {
    /// The project's file.
    pub file: &'a str,
    /// How the entry is called.
    pub name: &'a str,
    /// What Maven does with each dependency: `copy` or `unpack`.
    pub goal: &'a str,
    /// What the file leaves open, and its values.
    pub properties: &'a [(&'a str, &'a str)],
}

impl Project<'_> {
    /// The entry; made if it is missing. `finish` does the rest in it.
    ///
    /// # Errors
    /// Which command failed, or what `finish` says.
    pub fn entry(
        &self,
        cache: &Cache,
        finish: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<PathBuf, String> {
        let file = workspace::root().join("tests/servers").join(self.file);
        let definition = fs::read(&file).map_err(|error| cant("read", &file, &error))?;
        cache.entry(self.name, &[&definition], |aside| {
            let mut maven = Command::new("mvn");
            maven.args(["--batch-mode", "--quiet", "--file"]).arg(&file);
            maven.arg(format!("dependency:{}-dependencies", self.goal));
            maven.arg("-DincludeScope=runtime");
            maven.arg(format!("-DoutputDirectory={}", aside.join("lib").display()));
            maven.args(self.properties.iter().map(|(name, value)| format!("-D{name}={value}")));
            run(&mut maven)?;
            finish(aside)
        })
    }
}
