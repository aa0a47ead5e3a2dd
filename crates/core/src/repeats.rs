//! The same thing said again and again, said now and then with a count: what a log needs of whoever may
//! fail for every message.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// How often the same text is said at most.
const PAUSE: Duration = Duration::from_secs(10);
/// Texts remembered; in a flood of more, all of the others are counted as one.
const REMEMBERED: usize = 32;

/// What stands for texts that are not remembered.
const OTHERS: &str = "others, each of another text";

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
    /// Whether to say that text now: how often it came since it was said last (this time included). A
    /// text is said at most every 10 seconds.
    pub fn count(&mut self, text: &str, now: Instant) -> Option<u64> {
        let is_full = self.texts.len() >= REMEMBERED && !self.texts.contains_key(text);
        let text = if is_full && !self.forget_quiet(now) { OTHERS } else { text };
        let Some(said) = self.texts.get_mut(text) else {
            self.texts.insert(text.to_owned(), Said { at: now, unsaid: 0 });
            return Some(1);
        };
        said.unsaid += 1;
        if now.duration_since(said.at) < PAUSE {
            return None;
        }
        said.at = now;
        Some(std::mem::take(&mut said.unsaid))
    }

    /// Forgets texts that did not come again since they were said; whether there is room now.
    fn forget_quiet(&mut self, now: Instant) -> bool {
        self.texts.retain(|_, said| said.unsaid > 0 || now.duration_since(said.at) < PAUSE);
        self.texts.len() < REMEMBERED
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

    #[expect(clippy::disallowed_methods, reason = "where the test's time begins")]
    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_repeated_text_is_counted_and_said_again_after_a_pause() {
        let (mut repeats, start) = (Repeats::default(), now());
        assert_eq!(repeats.count("a", start), Some(1));
        assert_eq!(repeats.count("b", start), Some(1));
        assert_eq!(repeats.count("a", start), None);
        assert_eq!(repeats.count("a", start + PAUSE), Some(2));
        assert_eq!(repeats.count("a", start + PAUSE), None);
        assert_eq!(repeats.unsaid(), [("a".to_owned(), 1)]);
    }

    #[test]
    fn the_number_of_texts_is_bounded() {
        let (mut repeats, now) = (Repeats::default(), now());
        let said = |repeats: &mut Repeats, now| {
            let texts = (0..10 * REMEMBERED).map(|number| number.to_string());
            texts.filter_map(|text| repeats.count(&text, now)).collect::<Vec<_>>()
        };
        // The others are said once.
        assert_eq!(said(&mut repeats, now), [1; REMEMBERED + 1]);
        assert_eq!(repeats.texts.len(), REMEMBERED + 1);
        assert_eq!(repeats.unsaid(), [(OTHERS.to_owned(), 9 * REMEMBERED as u64 - 1)]);
        // What was quiet for long enough makes room.
        said(&mut repeats, now);
        let later = now + PAUSE;
        assert_eq!(repeats.count("new", later), Some(1));
        assert!(repeats.texts.contains_key("new"));
    }
}
