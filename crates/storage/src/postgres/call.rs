//! One append's answers, as they come in.

use super::failure::DISK;
use broker_core::{AppendError, Appended};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What an append ends with.
pub type Answer = Result<Vec<Appended>, AppendError>;

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// It is kept.
    Stored,
    /// The database does not take it; why.
    Refused(String),
    /// It is not kept: there is no room.
    Full,
    /// It is not kept; why.
    Unavailable(Arc<str>),
    /// Kept or not; why nobody knows.
    Unknown(Arc<str>),
    /// It is not kept: another broker owns the store.
    Fenced,
}

/// An append whose messages are answered one by one.
pub struct Call(Mutex<State>);

struct State {
    words: Vec<Word>,
    open: usize,
    reply: Option<oneshot::Sender<Answer>>,
}

impl Call {
    /// An append of that many messages, at least one.
    pub fn new(size: usize) -> (Arc<Self>, oneshot::Receiver<Answer>) {
        let (reply, answer) = oneshot::channel();
        let state = State { words: vec![Word::Stored; size], open: size, reply: Some(reply) };
        (Arc::new(Self(Mutex::new(state))), answer)
    }

    /// The word on one message; the last one answers the append.
    pub fn answer(&self, place: usize, word: Word) {
        let mut state = self.0.lock();
        state.words[place] = word;
        state.open -= 1;
        if state.open == 0
            && let Some(reply) = state.reply.take()
        {
            // Who does not listen any more does not want to know.
            let _ = reply.send(whole(std::mem::take(&mut state.words)));
        }
    }
}

/// One word for all where it is the same for all.
fn whole(words: Vec<Word>) -> Answer {
    let all = |is: fn(&Word) -> bool| words.iter().all(is);
    match words.first() {
        Some(Word::Fenced) if all(|word| *word == Word::Fenced) => return Err(AppendError::Fenced),
        Some(Word::Full) if all(|word| *word == Word::Full) => return Err(AppendError::Full(DISK)),
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
        Word::Full => Appended::Unavailable(format!("full: {DISK}")),
        Word::Unavailable(why) => Appended::Unavailable(why.to_string()),
        Word::Unknown(why) => Appended::Unknown(why.to_string()),
        Word::Fenced => Appended::Unavailable("another broker owns the store".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(words: Vec<Word>) -> Answer {
        let (call, mut answer) = Call::new(words.len());
        for (place, word) in words.into_iter().enumerate().rev() {
            assert!(answer.try_recv().is_err());
            call.answer(place, word);
        }
        answer.try_recv().unwrap()
    }

    #[test]
    fn what_holds_for_all_is_said_once() {
        let why: Arc<str> = "why".into();
        assert_eq!(answered(vec![Word::Full; 2]), Err(AppendError::Full(DISK)));
        assert_eq!(
            answered(vec![Word::Unknown(why.clone()); 3]),
            Err(AppendError::Unknown("why".into()))
        );
        assert_eq!(
            answered(vec![Word::Unavailable(why); 1]),
            Err(AppendError::Unavailable("why".into()))
        );
        assert_eq!(answered(vec![Word::Fenced; 2]), Err(AppendError::Fenced));
    }

    #[test]
    fn each_message_has_its_own_word() {
        let words = vec![
            Word::Stored,
            Word::Refused("no".into()),
            Word::Unknown("u".into()),
            Word::Unavailable("a".into()),
            Word::Fenced,
        ];
        let expected = vec![
            Appended::Stored,
            Appended::Refused("no".into()),
            Appended::Unknown("u".into()),
            Appended::Unavailable("a".into()),
            Appended::Unavailable("another broker owns the store".into()),
        ];
        assert_eq!(answered(words), Ok(expected));
    }
}
