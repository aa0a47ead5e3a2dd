//! Small questions that go together: whatever waits while the last ones are answered is asked in one
//! statement.

use super::{failure::Failure, rows, shared::Shared};
use broker_core::{Message, MessageId, ReadError, Subject};
use parking_lot::Mutex;
use std::{collections::VecDeque, sync::Arc};
use tokio::sync::oneshot;

/// Questions in one statement at most. Their answers are held in memory together.
const TOGETHER: usize = 256;

/// Statements of one kind under way at most.
const AT_ONCE: usize = 2;

/// What came of a question.
type Answer<A> = Result<A, ReadError>;

/// The questions that have an answer, by their places.
type Answers<A> = Vec<(usize, Answer<A>)>;

/// A kind of question.
pub trait Question: Sized + Send + Sync + 'static {
    /// What is asked for.
    type Answer: Default + Send + 'static;

    /// Asks for all of them.
    fn ask(
        shared: &Shared,
        questions: &[Self],
    ) -> impl Future<Output = Result<Answers<Self::Answer>, Failure>> + Send;
}

/// The questions of one kind that wait.
pub struct Lookups<Q: Question>(Mutex<State<Q>>);

struct State<Q: Question> {
    waiting: VecDeque<(Q, oneshot::Sender<Answer<Q::Answer>>)>,
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
        loop {
            let (questions, replies): (Vec<_>, Vec<_>) = {
                let mut state = self.0.lock();
                if state.waiting.is_empty() {
                    state.running -= 1;
                    return;
                }
                let together = state.waiting.len().min(TOGETHER);
                state.waiting.drain(..together).unzip()
            };
            let mut replies: Vec<_> = replies.into_iter().map(Some).collect();
            let answer = Q::ask(&shared, &questions).await;
            match shared.confirm_read(answer).await {
                Ok(answers) => {
                    for (place, answer) in answers {
                        reply(&mut replies[place], answer);
                    }
                    replies.iter_mut().for_each(|it| reply(it, Ok(Q::Answer::default())));
                }
                Err(error) => replies.iter_mut().for_each(|it| reply(it, Err(error.clone()))),
            }
        }
    }
}

fn reply<A>(to: &mut Option<oneshot::Sender<Answer<A>>>, answer: Answer<A>) {
    if let Some(to) = to.take() {
        // Who does not listen any more does not want to know.
        let _ = to.send(answer);
    }
}

/// The last id of a subject.
pub struct LastId(pub Subject);

impl Question for LastId {
    type Answer = MessageId;

    async fn ask(shared: &Shared, questions: &[Self]) -> Result<Answers<MessageId>, Failure> {
        let subjects: Vec<&[u8]> = questions.iter().map(|it| it.0.as_bytes()).collect();
        let rows = shared.read(|snapshot| Some(&snapshot.last_ids), &[&subjects]).await?;
        let known = rows.iter().filter_map(|row| Some((row, row.get::<_, Option<i64>>(1)?)));
        Ok(known.map(|(row, last)| (place(row), Ok(rows::id(last)))).collect())
    }
}

/// One message.
pub struct Fetch(pub Subject, pub i64);

impl Question for Fetch {
    type Answer = Option<Arc<Message>>;

    async fn ask(shared: &Shared, questions: &[Self]) -> Result<Answers<Self::Answer>, Failure> {
        let subjects: Vec<&[u8]> = questions.iter().map(|it| it.0.as_bytes()).collect();
        let ids: Vec<i64> = questions.iter().map(|it| it.1).collect();
        let rows = shared.read(|snapshot| snapshot.fetch.as_deref(), &[&subjects, &ids]).await?;
        let found = |row| {
            let place = place(row);
            let message = rows::message(&questions[place].0, row, 1);
            (place, message.map(Some).map_err(ReadError::Damaged))
        };
        Ok(rows.iter().map(found).collect())
    }
}

fn place(row: &tokio_postgres::Row) -> usize {
    usize::try_from(row.get::<_, i64>(0)).unwrap_or(1) - 1
}
