//! Checks of a source file as a whole.

use super::tree::Tree;

const MOST_LINES: usize = 500;

/// No source file is too long to be read at once.
pub fn are_small(tree: &Tree) -> Vec<String> {
    tree.sources()
        .map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(file, lines)| format!("{}: {lines} lines, at most {MOST_LINES}", file.path))
        .collect()
}

/// Every module opens by saying what it is.
pub fn say_what_they_are(tree: &Tree) -> Vec<String> {
    tree.sources()
        .filter(|file| !file.text.trim_start().starts_with("//! "))
        .map(|file| file.finding(1, "open with a `//!` comment that says what this module is"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_501_lines_is_too_long() {
        let (fits, long) = ("//! A.\n".repeat(MOST_LINES), "//! A.\n".repeat(MOST_LINES + 1));
        assert!(are_small(&Tree::of(&[("a.rs", &fits), ("a.md", &long)])).is_empty());
        assert_eq!(are_small(&Tree::of(&[("a.rs", &long)])).len(), 1);
    }

    #[test]
    fn a_module_without_a_comment_is_found() {
        let tree = Tree::of(&[("a.rs", "//! A.\n"), ("b.rs", "use a;\n//! late"), ("c.rs", "")]);
        assert_eq!(say_what_they_are(&tree).len(), 2);
    }
}
