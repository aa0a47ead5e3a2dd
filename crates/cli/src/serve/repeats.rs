//! The same thing said again and again, said now and then with a count.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// How often the same text is said at most.
const PAUSE: Duration = Duration::from_secs(10);
/// Texts remembered; beyond that the count of the oldest is given up.
const REMEMBERED: usize = 32;

/// Counts texts that repeat.
#[derive(Debug, Default)]
pub struct Repeats {
    texts: HashMap<String, Said>,
}

#[derive(Debug)]
struct Said {
    at: Instant,
    unsaid: u64,
}

impl Repeats {
    /// Whether to say that text now: how often it came since it was said last (this time included).
    pub fn count(&mut self, text: &str, now: Instant) -> Option<u64> {
        if let Some(said) = self.texts.get_mut(text) {
            said.unsaid += 1;
            if now.duration_since(said.at) < PAUSE {
                return None;
            }
            said.at = now;
            return Some(std::mem::take(&mut said.unsaid));
        }
        if self.texts.len() >= REMEMBERED {
            let oldest = self.texts.iter().min_by_key(|(_, said)| said.at);
            if let Some(oldest) = oldest.map(|(text, _)| text.clone()) {
                self.texts.remove(&oldest);
            }
        }
        self.texts.insert(text.to_owned(), Said { at: now, unsaid: 0 });
        Some(1)
    }

    /// What came and was not said.
    pub fn unsaid(&mut self) -> Vec<(String, u64)> {
        let all = self.texts.drain().filter(|(_, said)| said.unsaid > 0);
        all.map(|(text, said)| (text, said.unsaid)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_text_is_counted_and_said_again_after_a_pause() {
        let (mut repeats, start) = (Repeats::default(), Instant::now());
        assert_eq!(repeats.count("a", start), Some(1));
        assert_eq!(repeats.count("b", start), Some(1));
        assert_eq!(repeats.count("a", start), None);
        assert_eq!(repeats.count("a", start + PAUSE), Some(2));
        assert_eq!(repeats.count("a", start + PAUSE), None);
        assert_eq!(repeats.unsaid(), [("a".to_owned(), 1)]);
    }

    #[test]
    fn the_number_of_texts_is_bounded() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        for number in 0..10 * REMEMBERED {
            assert_eq!(repeats.count(&number.to_string(), now), Some(1));
        }
        assert_eq!(repeats.texts.len(), REMEMBERED);
    }
}
