//! Style as a test: what every source file and every crate keeps.

mod borders;
mod files;
mod manifest;
mod tree;
mod words;

use crate::{tally::Tally, workspace};
use tree::Tree;

/// A check: its name and what it finds wrong, one text per finding.
type Check = (&'static str, fn(&Tree) -> Vec<String>);

const CHECKS: &[Check] = &[
    ("files_are_small", files::are_small),
    ("modules_say_what_they_are", files::say_what_they_are),
    ("nothing_is_left_undone", words::nothing_left_undone),
    ("tests_wait_for_conditions", words::no_sleep_in_tests),
    ("no_registry_and_no_machine_is_named", words::nothing_of_this_machine),
    ("the_core_reads_no_clock", words::no_clock_in_core),
    ("the_core_touches_no_world", words::no_world_in_core),
    ("crates_depend_on_what_they_may", borders::dependencies),
    ("the_wire_has_one_place_in_the_door", borders::one_place_for_the_wire),
];

/// Runs every check over the workspace.
pub fn check() -> Tally {
    match Tree::read(&workspace::root()) {
        Ok(tree) => judge(&tree),
        Err(error) => {
            eprintln!("The sources can't be read: {error}");
            Tally { passed: 0, failed: 1 }
        }
    }
}

fn judge(tree: &Tree) -> Tally {
    let mut tally = Tally::default();
    for (name, check) in CHECKS {
        let findings = check(tree);
        println!("tidy {name} ... {}", if findings.is_empty() { "ok" } else { "FAILED" });
        for finding in &findings {
            println!("  {finding}");
        }
        if findings.is_empty() {
            tally.passed += 1;
        } else {
            tally.failed += 1;
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_tree_fails_and_a_good_one_passes() {
        let good = Tree::of(&[("crates/core/src/a.rs", "//! A.\n")]);
        assert_eq!(judge(&good), Tally { passed: CHECKS.len() as u64, failed: 0 });
        let bad = Tree::of(&[("crates/core/src/a.rs", "fn a() {}\n")]);
        assert_eq!(judge(&bad), Tally { passed: CHECKS.len() as u64 - 1, failed: 1 });
    }

    #[test]
    fn the_workspace_is_found() {
        let tree = Tree::read(&workspace::root()).unwrap();
        assert!(tree.files().any(|file| file.path == "xtask/src/tidy/mod.rs"));
        assert!(tree.files().all(|file| !file.path.starts_with("target/")));
    }
}
