//! The parts of the test run, as data: a new part is a new entry.

use crate::{machine::Need, workspace};
use std::path::PathBuf;

/// One part of the test run.
pub struct Step {
    /// What `--only` calls it.
    pub name: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// What it wants installed.
    pub needs: &'static [Need],
    /// What it does.
    pub work: Work,
}

/// What a step does.
pub enum Work {
    /// Cargo commands, one after the other; the first that fails ends the step.
    Cargo(Vec<Cargo>),
    /// The style check, inside this program.
    Tidy,
}

/// One call of cargo.
pub struct Cargo {
    /// Its arguments, split at blanks.
    pub line: &'static str,
    /// Variables set for it.
    pub env: Vec<(&'static str, PathBuf)>,
}

impl Cargo {
    fn new(line: &'static str) -> Self {
        Self { line, env: Vec::new() }
    }
}

/// For the allocator's C code.
const C_BUILD: &[Need] = &[
    Need { program: "cc", packages: "gcc libc6-dev" },
    Need { program: "make", packages: "make" },
];

const SYSTEM: &[Need] = &[
    Need { program: "cc", packages: "gcc libc6-dev" },
    Need { program: "make", packages: "make" },
    Need { program: "strace", packages: "strace" },
    Need { program: "mount", packages: "mount" },
    Need { program: "unshare", packages: "util-linux" },
];

/// Every step, in the order they run.
pub fn all() -> Vec<Step> {
    vec![
        Step {
            name: "tidy",
            about: "style of the sources and borders between the crates",
            needs: &[],
            work: Work::Tidy,
        },
        Step {
            name: "unit",
            about: "tests of every crate",
            needs: C_BUILD,
            work: Work::Cargo(vec![Cargo::new("test --workspace --all-targets --no-fail-fast")]),
        },
        Step {
            name: "doc",
            about: "examples in the documentation",
            needs: C_BUILD,
            work: Work::Cargo(vec![Cargo::new("test --workspace --doc --no-fail-fast")]),
        },
        Step {
            name: "interleavings",
            about: "orders in which threads may meet in the core",
            needs: C_BUILD,
            // A call of its own: the feature replaces the locks of everything built with it.
            work: Work::Cargo(vec![Cargo::new(
                "test --package broker-core --features shuttle --lib interleavings",
            )]),
        },
        Step {
            name: "system",
            about: "the released binary as a process, with faults",
            needs: SYSTEM,
            work: Work::Cargo(vec![
                // As the README builds it: its commands are run by a test.
                Cargo::new("build --release"),
                // The whole workspace, so that the dependencies have the features of step `unit`.
                Cargo {
                    line: "test --workspace --features broker-cli/system --test system --test client --no-fail-fast -- --show-output",
                    env: vec![("BROKER_BIN", workspace::release_binary())],
                },
            ]),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique() {
        let steps = all();
        let names: HashSet<_> = steps.iter().map(|step| step.name).collect();
        assert_eq!(names.len(), steps.len());
    }
}
