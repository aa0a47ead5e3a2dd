//! Words that must not be there. They are put together from parts, so that this file has none.

use super::tree::{File, Tree};

/// What says that something is not finished.
const UNDONE: &[&str] = &[
    concat!("to", "do!("),
    concat!("unimpl", "emented!("),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("#[ign", "ore"),
];

/// Waiting for a time where a test should wait for a condition.
const SLEEPS: &[&str] = &[concat!("thread::", "sleep"), concat!("time::", "sleep")];

/// Hosts of package registries: installing goes by package name only.
const REGISTRIES: &[&str] = &[
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("proxy.golang", ".org"),
    concat!("maven", ".org"),
    concat!("maven.apache", ".org"),
    concat!("deb.debian", ".org"),
    concat!("security.debian", ".org"),
];

/// Folders of one machine.
const PLACES: &[&str] = &[concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/ho", "me/")];

const CLOCKS: &[&str] = &[concat!("SystemTime::", "now"), concat!("Instant::", "now")];

/// What reaches files, sockets, processes and the environment.
const WORLD: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "tokio::fs",
    "tokio::net",
    "tokio::process",
];

/// Nothing is left for later.
pub fn nothing_left_undone(tree: &Tree) -> Vec<String> {
    tree.sources().flat_map(|file| found(file, file.lines(), UNDONE)).collect()
}

/// Tests wait for conditions, with a deadline.
pub fn no_sleep_in_tests(tree: &Tree) -> Vec<String> {
    tree.sources().flat_map(|file| found(file, file.test_lines(), SLEEPS)).collect()
}

/// No text names a package registry's host or a folder of one machine.
pub fn nothing_of_this_machine(tree: &Tree) -> Vec<String> {
    let words = [REGISTRIES, PLACES].concat();
    tree.files().flat_map(|file| found(file, file.lines(), &words)).collect()
}

/// Only the core's clock reads a clock, and what says why it may.
pub fn no_clock_in_core(tree: &Tree) -> Vec<String> {
    core_sources(tree)
        .filter(|file| !file.path.ends_with("/clock.rs"))
        .flat_map(|file| found(file, unexcused(file), CLOCKS))
        .collect()
}

/// The core reaches no file, socket, process or environment.
pub fn no_world_in_core(tree: &Tree) -> Vec<String> {
    core_sources(tree).flat_map(|file| found(file, file.lines(), WORLD)).collect()
}

/// The lines without those just below a reasoned exception from clippy's list of forbidden calls.
fn unexcused(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let mut excused_to = 0;
    file.lines().filter(move |(number, line)| {
        if line.contains("expect(clippy::disallowed_methods, reason") {
            excused_to = number + 2;
        }
        *number > excused_to
    })
}

fn core_sources(tree: &Tree) -> impl Iterator<Item = &File> {
    tree.sources().filter(|file| file.path.starts_with("crates/core/src/"))
}

fn found<'a>(
    file: &File,
    lines: impl Iterator<Item = (usize, &'a str)>,
    words: &[&str],
) -> Vec<String> {
    let mut findings = Vec::new();
    for (number, line) in lines {
        for word in words.iter().filter(|word| line.contains(**word)) {
            findings.push(file.finding(number, format_args!("`{word}`")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(path: &str, text: &str) -> Tree {
        Tree::of(&[(path, text)])
    }

    #[test]
    fn finds_what_is_undone() {
        for word in UNDONE {
            assert!(
                !nothing_left_undone(&one("a.rs", &format!("x\n  {word}"))).is_empty(),
                "{word}"
            );
        }
        assert!(nothing_left_undone(&one("a.rs", "fn done() {}")).is_empty());
    }

    #[test]
    fn finds_sleeps_in_tests_only() {
        for word in SLEEPS {
            let code = format!("fn a() {{ {word}(x); }}\n");
            let inside = format!("fn a() {{}}\n#[cfg(test)]\nmod tests {{\n{code}}}\n");
            let beside = format!("#[cfg(test)]\nmod tests;\n{code}");
            assert_eq!(no_sleep_in_tests(&one("crates/a/tests/a.rs", &code)).len(), 1);
            assert_eq!(no_sleep_in_tests(&one("crates/a/src/a/tests.rs", &code)).len(), 1);
            assert_eq!(no_sleep_in_tests(&one("crates/a/src/a.rs", &inside)).len(), 1);
            assert!(no_sleep_in_tests(&one("crates/a/src/a.rs", &beside)).is_empty());
        }
    }

    #[test]
    fn finds_registries_and_places_in_any_file() {
        for word in [REGISTRIES, PLACES].concat() {
            let found = nothing_of_this_machine(&one("README.md", &format!("see {word}\n")));
            assert_eq!(found, [format!("README.md:1: `{word}`")]);
        }
    }

    #[test]
    fn finds_clocks_in_the_core_outside_its_clock() {
        for word in CLOCKS {
            assert_eq!(no_clock_in_core(&one("crates/core/src/a.rs", word)).len(), 1);
            assert!(no_clock_in_core(&one("crates/core/src/clock.rs", word)).is_empty());
            let excuse = "#[expect(clippy::disallowed_methods, reason = \"a timer\")]\nfn a() {\n";
            let excused = format!("{excuse}{word}()\n");
            assert!(no_clock_in_core(&one("crates/core/src/a.rs", &excused)).is_empty());
            let too_far = format!("{excused}{word}()\n");
            assert_eq!(no_clock_in_core(&one("crates/core/src/a.rs", &too_far)).len(), 1);
            assert!(no_clock_in_core(&one("crates/server/src/a.rs", word)).is_empty());
        }
    }

    #[test]
    fn finds_the_world_in_the_core() {
        for word in WORLD {
            assert_eq!(no_world_in_core(&one("crates/core/src/a.rs", word)).len(), 1);
            assert!(no_world_in_core(&one("crates/storage/src/a.rs", word)).is_empty());
        }
    }
}
