//! An error in one line.

use std::error::Error;

/// An error and its causes, each said once.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let word = error.to_string();
        if !text.contains(&word) {
            text = format!("{text}: {word}");
        }
        cause = error.source();
    }
    text
}
