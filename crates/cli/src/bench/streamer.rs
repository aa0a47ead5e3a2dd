//! Publishing over one stream, without waiting for each answer.

use super::{
    body::Stamp,
    caller::{Answers, Message, Sender},
    lane::Books,
    ledger::Answer,
    pace::Pace,
    progress::Progress,
    recorder::SharedRecorder,
    scene::Scene,
    time::Epoch,
    window::{Crowd, Window},
};
use anyhow::{Result, anyhow};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::{
    task::{JoinHandle, yield_now},
    time::{Duration, timeout},
};

/// Messages after which others get their turn.
const TURN: u64 = 256;
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A publisher with a stream.
pub struct Streamer {
    pub publisher: u32,
    pub scene: Scene,
    pub pace: Arc<Pace>,
    /// Of each subject, who has to keep up; may be none.
    pub crowds: Arc<[Crowd]>,
    pub recorder: SharedRecorder,
    /// Messages without an answer, at most.
    pub in_flight: usize,
    pub expiry: Expiry,
}

/// When a streamer's messages expire.
#[derive(Debug, Clone, Copy)]
pub enum Expiry {
    /// As the plan says.
    Planned,
    /// All between these two moments, in ns of the bench's clock.
    Between(u64, u64),
}

impl Expiry {
    /// The lifetime of a message that is sent now.
    fn lifetime(self, scene: &Scene, number: u64, now: u64) -> Duration {
        match self {
            Self::Planned => scene.lifetime(),
            Self::Between(from, to) => {
                // Neighbours are spread over the whole span.
                let at = from + number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % (to - from);
                Duration::from_nanos(at.saturating_sub(now).max(1))
            }
        }
    }
}

/// When each message under way was due, by number.
struct Ring(Box<[AtomicU64]>);

impl Ring {
    fn new(most: usize) -> Self {
        Self((0..most.next_power_of_two()).map(|_| AtomicU64::new(0)).collect())
    }

    fn place(&self, number: u64) -> &AtomicU64 {
        let most = self.0.len() as u64;
        // Less than the length.
        &self.0[usize::try_from(number % most).unwrap_or(0)]
    }
}

impl Streamer {
    /// Publishes whenever it is due, until nothing is any more, and waits for all answers.
    pub async fn run(self) -> Result<Books> {
        let opened = self.scene.caller.publish_stream().await;
        let (mut sender, answers) = opened
            .map_err(|failure| anyhow!("cannot open a publishing stream: {}", failure.text))?;
        let window = Arc::new(Window::new(self.in_flight));
        let ring = Arc::new(Ring::new(self.in_flight));
        let mut listening = Listening(tokio::spawn(listen(
            answers,
            // Where others listen, what they receive is counted.
            self.crowds.is_empty().then(|| self.scene.progress.clone()),
            self.scene.epoch,
            self.recorder.clone(),
            window.clone(),
            ring.clone(),
        )));
        // Why it fails, the answers tell.
        let sent = self.send_all(&mut sender, &window, &ring).await;
        drop(sender);
        let mut books = match timeout(PATIENCE, &mut listening.0).await {
            Ok(books) => books?,
            Err(_) => return Err(anyhow!("a publishing stream got no answer for {PATIENCE:?}")),
        };
        books.ledger.close(sent);
        Ok(books)
    }

    /// Answers how many were sent.
    async fn send_all(&self, sender: &mut Sender, window: &Window, ring: &Ring) -> u64 {
        let (mut press, mut sent) = (self.scene.press(), 0);
        loop {
            if !window.has_room(sent) {
                if sender.flush().await.is_err() {
                    return sent;
                }
                window.room(sent).await;
            }
            let due = match self.pace.try_next() {
                Some(due) => due,
                None => {
                    if sender.flush().await.is_err() {
                        return sent;
                    }
                    let Some(due) = self.pace.next().await else { return sent };
                    due
                }
            };
            let due = self.scene.epoch.at(due);
            if !self.keeps_up(sender, sent).await {
                return sent;
            }
            ring.place(sent).store(due, Ordering::Release);
            let lifetime = self.expiry.lifetime(&self.scene, sent, due);
            let stamp = Stamp { publisher: self.publisher, number: sent, due, lifetime };
            let subject = self.scene.subjects.of(self.publisher, sent).to_owned();
            let message = Message { subject, body: press.body(stamp), lifetime };
            sent += 1;
            if sender.send(message).await.is_err() {
                // Whether it left is not told apart here.
                return sent;
            }
            if sent % TURN == 0 {
                yield_now().await;
            }
        }
    }

    /// Waits until those who listen to the next message's subject keep up; whether the stream lives.
    async fn keeps_up(&self, sender: &mut Sender, number: u64) -> bool {
        let subject = self.scene.subjects.layout().subject(self.publisher, number);
        let crowd = usize::try_from(subject).ok().and_then(|subject| self.crowds.get(subject));
        let Some(crowd) = crowd.filter(|crowd| !crowd.try_send()) else { return true };
        let lives = sender.flush().await.is_ok();
        if lives {
            crowd.send().await;
        }
        lives
    }
}

/// A task that ends with its handle.
struct Listening(JoinHandle<Books>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn listen(
    mut answers: Answers,
    progress: Option<Progress>,
    epoch: Epoch,
    recorder: SharedRecorder,
    window: Arc<Window>,
    ring: Arc<Ring>,
) -> Books {
    let (mut books, mut told, mut goes_on) = (Books::default(), Vec::new(), true);
    while goes_on {
        goes_on = answers.take(&mut told).await;
        let (now, count) = (epoch.now(), told.len() as u64);
        {
            let mut recorder = recorder.lock();
            for answer in told.drain(..) {
                match answer {
                    Ok(id) => {
                        let due = ring.place(books.ledger.sent()).load(Ordering::Acquire);
                        recorder.record(due, now);
                        books.ledger.push(Answer::Acknowledged(id));
                    }
                    Err(failure) => books.fail(failure),
                }
            }
        }
        if let Some(progress) = &progress {
            progress.add(count);
        }
        window.answer(count);
    }
    window.open();
    books
}
