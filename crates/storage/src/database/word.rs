//! What becomes of the messages of an append.

use broker_core::{AppendError, Appended};
use std::sync::Arc;

/// What an append ends with.
pub type Answer = Result<Vec<Appended>, AppendError>;

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// It is kept.
    Stored,
    /// The database does not take it; why.
    Refused(String),
    /// It is not kept: there is no room; the name of the bound.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(dead_code, reason = "only PostgreSQL says that its disk is full")
    )]
    Full(&'static str),
    /// It is not kept; why.
    Unavailable(Arc<str>),
    /// Kept or not; why nobody knows.
    Unknown(Arc<str>),
    /// It is not kept: another broker owns the store.
    Fenced,
}

/// One word for all where it is the same for all.
pub fn whole(words: Vec<Word>) -> Answer {
    let all = |is: fn(&Word) -> bool| words.iter().all(is);
    match words.first() {
        Some(Word::Fenced) if all(|word| *word == Word::Fenced) => return Err(AppendError::Fenced),
        Some(Word::Full(bound)) if all(|word| matches!(word, Word::Full(_))) => {
            return Err(AppendError::Full(bound));
        }
        Some(Word::Unavailable(why)) if all(|word| matches!(word, Word::Unavailable(_))) => {
            return Err(AppendError::Unavailable(why.to_string()));
        }
        Some(Word::Unknown(why)) if all(|word| matches!(word, Word::Unknown(_))) => {
            return Err(AppendError::Unknown(why.to_string()));
        }
        _ => {}
    }
    Ok(words.into_iter().map(appended).collect())
}

fn appended(word: Word) -> Appended {
    match word {
        Word::Stored => Appended::Stored,
        Word::Refused(why) => Appended::Refused(why),
        Word::Full(bound) => Appended::Unavailable(format!("full: {bound}")),
        Word::Unavailable(why) => Appended::Unavailable(why.to_string()),
        Word::Unknown(why) => Appended::Unknown(why.to_string()),
        Word::Fenced => Appended::Unavailable("another broker owns the store".into()),
    }
}
