//! Looking up last ids on disk, many at a time.
//!
//! Publishers to many subjects that are not remembered ask by the thousand. To hand each question to a
//! thread of its own costs several times what answering it does: so a few threads take whatever waits.

use super::catalog::Catalog;
use broker_core::{MessageId, ReadError, StorageFuture, Subject};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
};
use tokio::{sync::oneshot, task::spawn_blocking};

/// Threads at most: where the disk must be waited for, it is asked for so much at once.
const THREADS: usize = 8;

/// Questions that one thread may have before it before another is called.
const SHARE: usize = 64;

/// Questions taken at once, so that threads do not meet at the queue.
const TAKEN: usize = 16;

/// Who looks up.
pub struct Lookups {
    catalog: Arc<Catalog>,
    queue: Arc<Mutex<Queue>>,
}

/// Bounded by the subjects that the one who asks takes into use at once.
#[derive(Default)]
struct Queue {
    questions: VecDeque<Question>,
    threads: usize,
}

struct Question {
    subject: Subject,
    reply: oneshot::Sender<Result<MessageId, ReadError>>,
}

impl Lookups {
    pub fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog, queue: Arc::default() }
    }

    /// The last id of a subject, looked up where waiting for the disk holds nobody up.
    pub fn last_id(&self, subject: Subject) -> StorageFuture<Result<MessageId, ReadError>> {
        let (reply, answer) = oneshot::channel();
        if self.queue.lock().add(Question { subject, reply }) {
            let counted = Counted { queue: self.queue.clone(), is_counted: true };
            let catalog = Arc::downgrade(&self.catalog);
            spawn_blocking(move || serve(counted, &catalog));
        }
        Box::pin(async move {
            let gone = |_| Err(ReadError::Failed("the store was let go".to_owned()));
            answer.await.unwrap_or_else(gone)
        })
    }
}

/// Answers until nothing waits, or the store is let go: whoever has all answers may open it again, so it
/// is not held while they are given.
fn serve(mut counted: Counted, catalog: &Weak<Catalog>) {
    while let Some(taken) = counted.take() {
        let Some(catalog) = catalog.upgrade() else { return };
        let answers: Vec<_> = taken
            .into_iter()
            .map(|Question { subject, reply }| (reply, catalog.last_id(&subject)))
            .collect();
        drop(catalog);
        for (reply, answer) in answers {
            // Who asked may be gone.
            let _ = reply.send(answer);
        }
    }
}

/// A thread that is counted, until it finds nothing or is gone: it may panic, or never begin.
struct Counted {
    queue: Arc<Mutex<Queue>>,
    is_counted: bool,
}

impl Counted {
    fn take(&mut self) -> Option<Vec<Question>> {
        let taken = self.queue.lock().take();
        self.is_counted = taken.is_some();
        taken
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.is_counted {
            self.queue.lock().threads -= 1;
        }
    }
}

impl Queue {
    /// Adds a question; whether it takes one more thread, which is then counted.
    fn add(&mut self, question: Question) -> bool {
        self.questions.push_back(question);
        let is_wanted = self.threads < THREADS && self.questions.len() > self.threads * SHARE;
        self.threads += usize::from(is_wanted);
        is_wanted
    }

    /// Takes some questions. When there are none, the thread is counted out: at once, so that who asks
    /// next calls another.
    fn take(&mut self) -> Option<Vec<Question>> {
        if self.questions.is_empty() {
            self.threads -= 1;
            return None;
        }
        let count = self.questions.len().min(TAKEN);
        Some(self.questions.drain(..count).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question { subject: Subject::from_bytes(b"a").unwrap(), reply: oneshot::channel().0 }
    }

    #[test]
    fn threads_are_called_for_the_first_question_and_for_many() {
        let mut queue = Queue::default();
        let called: Vec<bool> = (0..=2 * SHARE).map(|_| queue.add(question())).collect();
        let expected: Vec<bool> = (0..=2 * SHARE).map(|at| at % SHARE == 0).collect();
        assert_eq!(called, expected);
        let more = (0..2 * THREADS * SHARE).filter(|_| queue.add(question())).count();
        assert_eq!((3 + more, queue.threads), (THREADS, THREADS));
    }

    #[test]
    fn a_thread_leaves_when_nothing_waits_and_the_next_question_calls_another() {
        let mut queue = Queue::default();
        assert!(queue.add(question()) && !queue.add(question()));
        assert_eq!(queue.take().unwrap().len(), 2);
        assert!(!queue.add(question()));
        assert_eq!(queue.take().unwrap().len(), 1);
        assert!(queue.take().is_none());
        assert!(queue.add(question()));
    }
}
