//! How a database is reached.

use super::forms;
use crate::settings::{choices::Choice, values::Settings};
use broker_storage::{Secret, Tls};
use std::path::{Path, PathBuf};

/// What is typed of it, each piece in a place of its own.
#[derive(Debug, Clone, Default)]
pub struct Access {
    pub is_encrypted: bool,
    pub ca: Option<PathBuf>,
    pub password: Option<Secret>,
    pub password_file: Option<PathBuf>,
}

impl Access {
    /// Takes a password as it is typed.
    pub fn keep_password(&mut self, text: &str) -> Option<()> {
        self.password = Some(Secret::new(forms::word(text)?));
        Some(())
    }

    /// How connections are protected.
    pub fn tls(&self) -> Tls {
        if self.is_encrypted { Tls::VerifyFull(self.ca.clone()) } else { Tls::Off }
    }
}

/// The values of a setting that says how connections are protected.
pub const fn protections(off: fn(&mut Settings), verify_full: fn(&mut Settings)) -> [Choice; 2] {
    [
        Choice { name: "off", help: "Not encrypted", set: off },
        Choice {
            name: "verify-full",
            help: "Encrypted, and the server's certificate must be valid for its name",
            set: verify_full,
        },
    ]
}

/// The password in a file: all of it but the end of its line.
///
/// # Errors
/// What is wrong with it, to go on behind its name; nothing of its content.
pub fn password(path: &Path) -> Result<Secret, String> {
    let text = crate::settings::inputs::read_text(path)
        .map_err(|error| format!("which cannot be read: {error}"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    match forms::word(line) {
        Some(password) => Ok(Secret::new(password)),
        None if line.is_empty() => Err("which is empty".into()),
        None => Err("which has more than one line, or control characters".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_end_of_the_line_is_no_part_of_a_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        for (content, expected) in [
            ("s3cret", "s3cret"),
            ("s3cret\n", "s3cret"),
            ("s3cret\r\n", "s3cret"),
            (" s3 cr\u{e9}t ", " s3 cr\u{e9}t "),
        ] {
            fs::write(&path, content).unwrap();
            assert_eq!(password(&path).unwrap().reveal(), expected);
        }
    }

    #[test]
    fn a_file_without_one_password_is_refused_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        assert!(password(&path).unwrap_err().contains("No such file"));
        for (content, why) in [
            ("", "which is empty"),
            ("\n", "which is empty"),
            ("s3\ncret\n", "more than one line"),
            ("s3\tcret", "control characters"),
        ] {
            fs::write(&path, content).unwrap();
            let sentence = password(&path).unwrap_err();
            assert!(sentence.contains(why) && !sentence.contains("s3"), "{sentence}");
        }
    }
}
