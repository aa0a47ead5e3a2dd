//! What a publisher hands over at once, and what it waits for.

use crate::{
    Publication, PublishError, Published,
    shard::{Answer, Command},
    trace::note,
};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tracing::Span;

/// Publications that are numbered together and answered together. Made of a list of them, it is not traced.
#[derive(Debug)]
pub struct Batch {
    /// In their order.
    pub publications: Vec<Publication>,
    /// The span within which they are handed over, if it is recorded.
    pub span: Span,
}

impl From<Vec<Publication>> for Batch {
    fn from(publications: Vec<Publication>) -> Self {
        Self { publications, span: Span::none() }
    }
}

/// Gives the answers to one batch, in the order of its publications, when all are there. Dropping it
/// changes nothing for the messages.
pub struct Receipt {
    answers: Option<oneshot::Receiver<Vec<Answer>>>,
    size: usize,
}

impl Future for Receipt {
    type Output = Vec<Result<Published, PublishError>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(answers) = &mut self.answers else { return Poll::Ready(Vec::new()) };
        let answers = ready!(Pin::new(answers).poll(context));
        // No answer means that the shard is gone, and with it the knowledge of what was stored.
        Poll::Ready(answers.unwrap_or_else(|_| vec![Err(PublishError::OutcomeUnknown); self.size]))
    }
}

/// The command to the shard; none for no publication at all.
pub fn publish(
    batch: Vec<Publication>,
    span: Span,
    room: OwnedSemaphorePermit,
) -> (Receipt, Option<Command>) {
    let size = batch.len();
    if size == 0 {
        return (Receipt { answers: None, size }, None);
    }
    note(&span, "queued");
    let (reply, answers) = oneshot::channel();
    (Receipt { answers: Some(answers), size }, Some(Command::Publish { batch, span, reply, room }))
}
