//! What is wrong with the settings.

use std::fmt;

/// Most sentences that are told; a file that is something else altogether has thousands.
const MOST: usize = 32;

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
    #[cfg(test)]
    pub fn sentences(&self) -> &[String] {
        &self.0
    }

    /// The first sentences, and how many more there are.
    pub fn told(&self) -> impl Iterator<Item = String> {
        let more = self.0.len().saturating_sub(MOST);
        let more = (more > 0).then(|| format!("and {more} more"));
        self.0.iter().take(MOST).cloned().chain(more)
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told().collect::<Vec<_>>().join("\n"))
    }
}

impl std::error::Error for Wrong {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_thousands_some_are_told_and_the_others_counted() {
        let mut wrong = Wrong::default();
        (0..MOST).for_each(|number| wrong.say(number.to_string()));
        assert_eq!(wrong.told().count(), MOST);
        (0..1000).for_each(|number| wrong.say(number.to_string()));
        assert_eq!(wrong.told().count(), MOST + 1);
        assert!(wrong.to_string().ends_with("\n31\nand 1000 more"), "{wrong}");
    }
}
