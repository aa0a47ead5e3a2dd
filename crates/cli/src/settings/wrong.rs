//! What is wrong with the settings.

use std::fmt;

/// Sentences that each name a setting as it was written, its value and what is allowed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wrong(Vec<String>);

impl Wrong {
    /// Adds a sentence.
    pub fn say(&mut self, sentence: String) {
        self.0.push(sentence);
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sentences, in the order of finding.
    pub fn sentences(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Wrong {}
