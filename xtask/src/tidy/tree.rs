//! The text files of the workspace, in memory.

use std::{fs, io, path::Path};

/// What is built, kept by a broker, or not ours.
const SKIPPED: &[&str] =
    &["target", ".git", "broker-data", ".env", "node_modules", ".venv", "vendor", "Cargo.lock"];

/// Every text file of a workspace.
pub struct Tree {
    files: Vec<File>,
}

/// A text file.
pub struct File {
    /// From the workspace's root, with slashes.
    pub path: String,
    /// What it says.
    pub text: String,
}

impl Tree {
    /// Reads a workspace. Files that are not UTF-8 are left out.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        read_folder(root, "", &mut files)?;
        files.sort_by(|a: &File, b| a.path.cmp(&b.path));
        Ok(Self { files })
    }

    /// A tree of these paths and texts.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let file =
            |(path, text): &(&str, &str)| File { path: (*path).into(), text: (*text).into() };
        Self { files: files.iter().map(file).collect() }
    }

    /// All files.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    /// The Rust sources.
    pub fn sources(&self) -> impl Iterator<Item = &File> {
        self.files().filter(|file| file.path.ends_with(".rs"))
    }
}

fn read_folder(root: &Path, inside: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(inside))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if SKIPPED.contains(&name.as_str()) {
            continue;
        }
        let path = if inside.is_empty() { name } else { format!("{inside}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            read_folder(root, &path, files)?;
        } else if kind.is_file()
            && let Ok(text) = String::from_utf8(fs::read(entry.path())?)
        {
            files.push(File { path, text });
        }
    }
    Ok(())
}

impl File {
    /// The lines with their numbers, from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(at, line)| (at + 1, line))
    }

    /// The lines that are test code: all in a file of tests, else what follows `#[cfg(test)]`.
    pub fn test_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let first = self.first_test_line();
        self.lines().filter(move |(number, _)| *number >= first)
    }

    /// The lines before those.
    pub fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let first = self.first_test_line();
        self.lines().filter(move |(number, _)| *number < first)
    }

    /// Whether the whole file is test code.
    fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path.contains("/tests/") || matches!(name, "tests.rs" | "testing.rs")
    }

    fn first_test_line(&self) -> usize {
        if self.is_test() {
            return 1;
        }
        // A test module in a file of its own leaves no test code here.
        let lines: Vec<&str> = self.text.lines().collect();
        lines
            .windows(2)
            .position(|two| two[0].trim() == "#[cfg(test)]" && !two[1].trim_end().ends_with(';'))
            .map_or(usize::MAX, |at| at + 1)
    }

    /// `path:line: words`.
    pub fn finding(&self, line: usize, words: impl std::fmt::Display) -> String {
        format!("{}:{line}: {words}", self.path)
    }
}
