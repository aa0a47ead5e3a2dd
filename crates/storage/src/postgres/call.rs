//! One append's answers, as they come in.

use crate::database::{Answer, Word, whole};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::oneshot;
use tracing::Span;

/// An append whose messages are answered one by one.
pub struct Call {
    /// The append's, if it is recorded.
    pub span: Span,
    state: Mutex<State>,
}

struct State {
    words: Vec<Word>,
    open: usize,
    reply: Option<oneshot::Sender<Answer>>,
}

impl Call {
    /// An append of that many messages, at least one, within the current span.
    pub fn new(size: usize) -> (Arc<Self>, oneshot::Receiver<Answer>) {
        let (reply, answer) = oneshot::channel();
        let state = State { words: vec![Word::Stored; size], open: size, reply: Some(reply) };
        let call = Self { span: Span::current(), state: Mutex::new(state) };
        (Arc::new(call), answer)
    }

    /// The word on one message; the last one answers the append.
    pub fn answer(&self, place: usize, word: Word) {
        let mut state = self.state.lock();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::failure::DISK;
    use broker_core::{AppendError, Appended};

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
        assert_eq!(answered(vec![Word::Full(DISK); 2]), Err(AppendError::Full(DISK)));
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
