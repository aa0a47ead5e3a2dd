//! Small questions that go together: whatever waits while the last ones are answered is asked in one
//! statement.

use super::{failure::Failure, rows, session::Param, shared::Shared};
use broker_core::{Message, MessageId, ReadError, Subject};
use parking_lot::Mutex;
use std::{collections::VecDeque, sync::Arc};
use tokio::sync::oneshot;

/// Questions in one statement at most.
const TOGETHER: usize = 256;

/// Bytes of headers and bodies that one statement brings at most, but for a single larger message: its
/// answers are held in memory together, twice while they are made of rows.
const FETCHED_BYTES: i64 = 4 * 1024 * 1024;

/// Statements of one kind under way at most.
const AT_ONCE: usize = 2;

/// What came of a question.
type Answer<A> = Result<A, ReadError>;

/// What a statement said.
pub struct Answers<A> {
    /// By the places of the questions.
    known: Vec<(usize, Answer<A>)>,
    /// So many questions from the first on were answered: those that `known` lacks by the default. There
    /// was no room for the others.
    asked: usize,
}

/// A kind of question.
pub trait Question: Sized + Send + Sync + 'static {
    /// What is asked for.
    type Answer: Default + Send + 'static;

    /// Asks for all of them; answers the first one at least.
    fn ask(
        shared: &Shared,
        questions: &[Self],
    ) -> impl Future<Output = Result<Answers<Self::Answer>, Failure>> + Send;
}

/// The questions of one kind that wait.
pub struct Lookups<Q: Question>(Mutex<State<Q>>);

/// Where an answer goes.
type Reply<Q> = oneshot::Sender<Answer<<Q as Question>::Answer>>;

struct State<Q: Question> {
    waiting: VecDeque<(Q, Reply<Q>)>,
    running: usize,
}

impl<Q: Question> Lookups<Q> {
    /// None.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { waiting: VecDeque::new(), running: 0 })))
    }

    /// Asks; the answer comes through what is given back.
    pub fn ask(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        runtime: &tokio::runtime::Handle,
        question: Q,
    ) -> oneshot::Receiver<Answer<Q::Answer>> {
        let (reply, answer) = oneshot::channel();
        let mut state = self.0.lock();
        state.waiting.push_back((question, reply));
        if state.running < AT_ONCE {
            state.running += 1;
            runtime.spawn(self.clone().run(shared.clone()));
        }
        answer
    }

    async fn run(self: Arc<Self>, shared: Arc<Shared>) {
        while let Some((mut questions, mut replies)) = self.take() {
            let answer = Q::ask(&shared, &questions).await;
            match shared.confirm_read(answer).await {
                Ok(Answers { known, asked }) => {
                    self.put_back(questions.split_off(asked), replies.split_off(asked));
                    let mut replies: Vec<_> = replies.into_iter().map(Some).collect();
                    for (place, answer) in known {
                        if let Some(reply) = replies.get_mut(place).and_then(Option::take) {
                            tell(reply, answer);
                        }
                    }
                    let rest = replies.into_iter().flatten();
                    rest.for_each(|reply| tell(reply, Ok(Q::Answer::default())));
                }
                Err(error) => replies.into_iter().for_each(|it| tell(it, Err(error.clone()))),
            }
        }
    }

    /// What waits, as much as is asked together; nothing, and one statement less is under way.
    fn take(&self) -> Option<(Vec<Q>, Vec<Reply<Q>>)> {
        let mut state = self.0.lock();
        if state.waiting.is_empty() {
            state.running -= 1;
            return None;
        }
        let together = state.waiting.len().min(TOGETHER);
        Some(state.waiting.drain(..together).unzip())
    }

    /// Those that were not asked are the next ones.
    fn put_back(&self, questions: Vec<Q>, replies: Vec<Reply<Q>>) {
        let mut state = self.0.lock();
        questions.into_iter().zip(replies).rev().for_each(|it| state.waiting.push_front(it));
    }
}

fn tell<A>(to: oneshot::Sender<Answer<A>>, answer: Answer<A>) {
    // Who does not listen any more does not want to know.
    let _ = to.send(answer);
}

/// The last id of a subject.
pub struct LastId(pub Subject);

impl Question for LastId {
    type Answer = MessageId;

    async fn ask(shared: &Shared, questions: &[Self]) -> Result<Answers<MessageId>, Failure> {
        let subjects: Vec<&[u8]> = questions.iter().map(|it| it.0.as_bytes()).collect();
        let rows = shared.read(|snapshot| Some(&snapshot.last_ids), &[&subjects]).await?;
        let known = rows.iter().filter_map(|row| Some((row, row.get::<_, Option<i64>>(1)?)));
        let known = known.map(|(row, last)| (place(row), Ok(rows::id(last)))).collect();
        Ok(Answers { known, asked: questions.len() })
    }
}

/// One message.
pub struct Fetch(pub Subject, pub i64);

impl Question for Fetch {
    type Answer = Option<Arc<Message>>;

    async fn ask(shared: &Shared, questions: &[Self]) -> Result<Answers<Self::Answer>, Failure> {
        let subjects: Vec<&[u8]> = questions.iter().map(|it| it.0.as_bytes()).collect();
        let ids: Vec<i64> = questions.iter().map(|it| it.1).collect();
        let params: [Param<'_>; 3] = [&subjects, &ids, &FETCHED_BYTES];
        let rows = shared.read(|snapshot| snapshot.fetch.as_deref(), &params).await?;
        let (mut known, mut asked) = (Vec::with_capacity(rows.len()), questions.len());
        // One by one: a row is let go of when it is a message.
        for row in rows {
            let place = place(&row);
            if row.get(6) {
                let message = rows::message(&questions[place].0, &row, 1);
                known.push((place, message.map(Some).map_err(ReadError::Damaged)));
            } else {
                asked = asked.min(place);
            }
        }
        Ok(Answers { known, asked })
    }
}

fn place(row: &tokio_postgres::Row) -> usize {
    usize::try_from(row.get::<_, i64>(0)).unwrap_or(1) - 1
}
