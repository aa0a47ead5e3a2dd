//! The parts of the test run, as data: a new part is a new entry.

use crate::{clients, machine::Need, workspace};
use std::path::PathBuf;

/// One part of the test run.
pub struct Step {
    /// What `--only` calls it.
    pub name: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// What it wants installed.
    pub needs: &'static [Need],
    /// Makes what no package of the system brings. Its error is the sentence that says what to do.
    pub prepare: Option<fn() -> Result<(), String>>,
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
const C_BUILD: &[Need] = &[Need::new("cc", "gcc libc6-dev"), Need::new("make", "make")];

const SYSTEM: &[Need] = &[
    Need::new("cc", "gcc libc6-dev"),
    Need::new("make", "make"),
    Need::new("strace", "strace"),
    Need::new("mount", "mount"),
    Need::new("unshare", "util-linux"),
];

/// Go and a new enough Node are looked for by [`clients::prepare`].
const CLIENTS: &[Need] = &[
    Need::new("cc", "gcc libc6-dev"),
    Need::new("make", "make"),
    Need::new("strace", "strace"),
    Need::new("protoc", "protobuf-compiler libprotobuf-dev").proven_by(&[
        "-o",
        "/dev/null",
        "google/protobuf/duration.proto",
    ]),
    Need::new("python3", "python3 python3-venv").proven_by(&["-m", "ensurepip", "--version"]),
    Need::new("node", "nodejs"),
    Need::new("npm", "npm"),
    Need::new("chromium", "chromium"),
];

/// Every step, in the order they run.
pub fn all() -> Vec<Step> {
    vec![
        Step {
            name: "tidy",
            about: "style of the sources and borders between the crates",
            needs: &[],
            prepare: None,
            work: Work::Tidy,
        },
        Step {
            name: "unit",
            about: "tests of every crate",
            needs: C_BUILD,
            prepare: None,
            work: Work::Cargo(vec![Cargo::new("test --workspace --all-targets --no-fail-fast")]),
        },
        Step {
            name: "doc",
            about: "examples in the documentation",
            needs: C_BUILD,
            prepare: None,
            work: Work::Cargo(vec![Cargo::new("test --workspace --doc --no-fail-fast")]),
        },
        Step {
            name: "interleavings",
            about: "orders in which threads may meet in the core",
            needs: C_BUILD,
            prepare: None,
            // A call of its own: the feature replaces the locks of everything built with it.
            work: Work::Cargo(vec![Cargo::new(
                "test --package broker-core --features shuttle --lib interleavings",
            )]),
        },
        Step {
            name: "system",
            about: "the released binary as a process, with faults",
            needs: SYSTEM,
            prepare: None,
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
        Step {
            name: "clients",
            about: "clients of other languages, and the examples",
            needs: CLIENTS,
            prepare: Some(clients::prepare),
            work: Work::Cargo(vec![
                Cargo::new("build --release"),
                // Most of them wait most of the time, those of keepalive for most of a minute.
                Cargo {
                    line: "test --workspace --features broker-cli/clients --test clients --no-fail-fast -- --test-threads 8",
                    env: vec![
                        ("BROKER_BIN", workspace::release_binary()),
                        ("BROKER_CLIENTS", workspace::clients()),
                    ],
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
