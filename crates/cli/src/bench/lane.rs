//! Publishing by unary calls, one after the other.

use super::{
    body::{Press, Stamp},
    caller::{Failure, Message},
    ledger::{Answer, Failures, Ledger},
    pace::Pace,
    scene::Scene,
};
use std::{sync::Arc, time::Duration};

/// Failures in a row after which a caller gives up: the broker is gone.
pub const MOST_FAILURES: u32 = 1_000;

/// A publisher with one call under way.
pub struct Lane {
    publisher: u32,
    press: Press,
    pub books: Books,
    failing: u32,
}

/// What a publisher was told.
#[derive(Debug, Default)]
pub struct Books {
    pub ledger: Ledger,
    pub failures: Failures,
}

impl Lane {
    pub fn new(publisher: u32, scene: &Scene) -> Self {
        Self { publisher, press: scene.press(), books: Books::default(), failing: 0 }
    }

    /// Publishes whenever it is due, until nothing is any more. `note` is told of each acknowledgement
    /// when it was due and when it came, in ns of the bench's clock.
    pub async fn run(mut self, scene: Scene, pace: Arc<Pace>, note: impl Fn(u64, u64)) -> Books {
        while let Some(due) = pace.next().await {
            let due = scene.epoch.at(due);
            if self.publish(&scene, due, scene.lifetime()).await.is_some() {
                note(due, scene.epoch.now());
                scene.progress.add(1);
            }
            if self.is_hopeless() {
                break;
            }
        }
        self.books
    }

    pub fn is_hopeless(&self) -> bool {
        self.failing >= MOST_FAILURES
    }

    /// The subject of the next message.
    pub fn subject<'a>(&self, scene: &'a Scene) -> &'a str {
        scene.subjects.of(self.publisher, self.books.ledger.sent())
    }

    /// Publishes the next message; its id, if it was acknowledged.
    pub async fn publish(&mut self, scene: &Scene, due: u64, lifetime: Duration) -> Option<u64> {
        let number = self.books.ledger.sent();
        let stamp = Stamp { publisher: self.publisher, number, due, lifetime };
        let (subject, body) = (self.subject(scene).to_owned(), self.press.body(stamp));
        match scene.caller.publish(Message { subject, body, lifetime }).await {
            Ok(id) => {
                self.failing = 0;
                self.books.ledger.push(Answer::Acknowledged(id));
                Some(id)
            }
            Err(failure) => {
                self.failing += 1;
                self.books.fail(failure);
                None
            }
        }
    }
}

impl Books {
    /// Notes that the next message was not acknowledged.
    pub fn fail(&mut self, failure: Failure) {
        let unknown = failure.is_outcome_unknown;
        self.ledger.push(if unknown { Answer::Unknown } else { Answer::Refused });
        self.failures.count(failure.status);
    }
}

/// Ledgers, and all failures together.
pub fn together(books: Vec<Books>) -> (Vec<Ledger>, Failures) {
    let mut failures = Failures::default();
    let ledgers = books.into_iter().map(|one| {
        failures.merge(one.failures);
        one.ledger
    });
    (ledgers.collect(), failures)
}
