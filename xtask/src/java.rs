//! A Java that Cassandra runs on.

use std::{
    fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::Command,
};

/// What Cassandra 5.0 runs on.
const VERSIONS: RangeInclusive<u32> = 11..=21;

/// Where Debian has them, each in a folder of its own.
const INSTALLED: &str = "/usr/lib/jvm";

/// A fitting Java: the one in PATH, else one that is installed beside it.
///
/// # Errors
/// There is none, and how to get it.
pub fn find() -> Result<PathBuf, String> {
    let others = fs::read_dir(INSTALLED).into_iter().flatten().flatten();
    let mut others: Vec<PathBuf> = others.map(|entry| entry.path().join("bin/java")).collect();
    others.sort();
    let mut all = [PathBuf::from("java")].into_iter().chain(others);
    all.find(|java| version(java).is_some_and(|version| VERSIONS.contains(&version))).ok_or_else(
        || {
            format!(
                "Cassandra needs Java {} to {}: install the package openjdk-17-jre-headless, or default-jre-headless.",
                VERSIONS.start(),
                VERSIONS.end()
            )
        },
    )
}

fn version(java: &Path) -> Option<u32> {
    let output = Command::new(java).arg("--version").output().ok()?;
    major(&String::from_utf8_lossy(&output.stdout))
}

/// The first number of what it says of itself.
fn major(said: &str) -> Option<u32> {
    let number = said.split_whitespace().nth(1)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        for (said, wanted) in [
            ("openjdk 17.0.15 2025-04-15\nOpenJDK Runtime", Some(17)),
            ("openjdk 25 2025-09-16 LTS", Some(25)),
            ("openjdk 21-ea 2023-09-19", Some(21)),
            ("java", None),
            ("", None),
        ] {
            assert_eq!(major(said), wanted, "{said}");
        }
    }
}
