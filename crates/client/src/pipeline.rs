//! What is under way on one publishing stream: plain state, without a wait.

use crate::Error;
use broker_proto::PublishRequest;
use std::{
    collections::VecDeque,
    task::{Context, Poll, Waker},
};

/// Bytes after which a batch is not filled further. One message more may go beyond, so that a batch
/// stays far below the broker's limit of 16 MiB.
const BATCH_BYTES: usize = 256 * 1024;
/// Far below the broker's limit of 65,536 messages in a batch.
const BATCH_MESSAGES: usize = 4096;

/// The messages of one stream that have no answer yet, in the order sent.
#[derive(Debug, Default)]
pub struct Pipeline {
    /// Not yet taken by the transport.
    queue: VecDeque<(PublishRequest, u32)>,
    /// Weights of those the transport took.
    on_the_way: VecDeque<u32>,
    /// Refused without being sent, each with its number; they are told in their turn.
    refused: VecDeque<(u64, Error, u32)>,
    /// Messages that were ever given, and that were ever answered.
    given: u64,
    answered: u64,
    finished: bool,
    /// The transport, waiting for messages.
    transport: Option<Waker>,
    /// Who waits for answers.
    reader: Option<Waker>,
}

/// Where a message was when its stream broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Still in this process: it is surely not stored.
    Queued,
    /// Perhaps at the broker.
    OnTheWay,
}

impl Pipeline {
    /// Adds a message of that weight.
    pub fn push(&mut self, request: PublishRequest, weight: u32) {
        self.queue.push_back((request, weight));
        self.given += 1;
        wake(&mut self.transport);
    }

    /// Adds a message that is not sent; its answer is that error.
    pub fn refuse(&mut self, error: Error, weight: u32) {
        self.refused.push_back((self.given, error, weight));
        self.given += 1;
        wake(&mut self.reader);
    }

    /// Nothing more will be added.
    pub fn finish(&mut self) {
        self.finished = true;
        wake(&mut self.transport);
    }

    /// The next batch for the transport: whatever waits, up to a batch's size; `None` after the last.
    pub fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<PublishRequest>>> {
        if self.queue.is_empty() {
            if self.finished {
                return Poll::Ready(None);
            }
            self.transport = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while bytes < BATCH_BYTES && batch.len() < BATCH_MESSAGES {
            let Some((request, weight)) = self.queue.pop_front() else { break };
            bytes += weight as usize;
            self.on_the_way.push_back(weight);
            batch.push(request);
        }
        Poll::Ready(Some(batch))
    }

    /// Whether everything that will ever be given is answered.
    pub fn is_done(&self) -> bool {
        self.finished && self.given == self.answered
    }

    /// The broker answered the oldest message: its weight. `None`: it has none to answer.
    pub fn answer(&mut self) -> Option<u32> {
        let weight = self.on_the_way.pop_front()?;
        self.answered += 1;
        Some(weight)
    }

    /// The refusal whose turn it is, and its weight.
    pub fn next_refused(&mut self) -> Option<(Error, u32)> {
        let (_, error, weight) =
            self.refused.pop_front_if(|(number, ..)| *number == self.answered)?;
        self.answered += 1;
        Some((error, weight))
    }

    /// As [`Pipeline::next_refused`], and wakes that task for the next one.
    pub fn poll_refused(&mut self, cx: &mut Context<'_>) -> Option<(Error, u32)> {
        let refused = self.next_refused();
        if refused.is_none() {
            self.reader = Some(cx.waker().clone());
        }
        refused
    }

    /// After the stream's end: takes out all that the transport did not take, in order.
    pub fn take_unsent(&mut self) -> impl Iterator<Item = PublishRequest> {
        self.answered += self.queue.len() as u64;
        std::mem::take(&mut self.queue).into_iter().map(|(request, _)| request)
    }

    /// After the stream's end: takes out the oldest message without an answer.
    pub fn give_up(&mut self) -> Option<Place> {
        let place = if self.on_the_way.pop_front().is_some() {
            Place::OnTheWay
        } else {
            self.queue.pop_front()?;
            Place::Queued
        };
        self.answered += 1;
        Some(place)
    }
}

fn wake(waiting: &mut Option<Waker>) {
    if let Some(waker) = waiting.take() {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::task::noop_waker_ref;

    fn request(subject: &str) -> PublishRequest {
        PublishRequest { subject: subject.to_owned(), ..PublishRequest::default() }
    }

    fn batch(pipeline: &mut Pipeline) -> Poll<Option<Vec<String>>> {
        let batch = pipeline.poll_batch(&mut Context::from_waker(noop_waker_ref()));
        batch.map(|batch| batch.map(|all| all.into_iter().map(|one| one.subject).collect()))
    }

    #[test]
    fn whatever_waits_becomes_one_batch() {
        let mut pipeline = Pipeline::default();
        assert_eq!(batch(&mut pipeline), Poll::Pending);
        pipeline.push(request("a"), 1);
        pipeline.push(request("b"), 1);
        assert_eq!(batch(&mut pipeline), Poll::Ready(Some(vec!["a".into(), "b".into()])));
        assert_eq!(batch(&mut pipeline), Poll::Pending);
        pipeline.push(request("c"), 1);
        pipeline.finish();
        assert_eq!(batch(&mut pipeline), Poll::Ready(Some(vec!["c".into()])));
        assert_eq!(batch(&mut pipeline), Poll::Ready(None));
    }

    #[test]
    fn batches_are_bounded_in_bytes_and_messages() {
        let mut pipeline = Pipeline::default();
        for _ in 0..=BATCH_MESSAGES {
            pipeline.push(request("small"), 1);
        }
        let sizes = |pipeline: &mut Pipeline| match batch(pipeline) {
            Poll::Ready(Some(batch)) => batch.len(),
            _ => 0,
        };
        assert_eq!((sizes(&mut pipeline), sizes(&mut pipeline)), (BATCH_MESSAGES, 1));
        for _ in 0..3 {
            pipeline.push(request("large"), 200 * 1024);
        }
        assert_eq!((sizes(&mut pipeline), sizes(&mut pipeline)), (2, 1));
    }

    #[test]
    fn answers_come_to_what_was_sent_and_the_rest_is_told_apart() {
        let mut pipeline = Pipeline::default();
        pipeline.push(request("a"), 7);
        assert_eq!(pipeline.answer(), None, "an answer to a message that never left");
        pipeline.push(request("b"), 8);
        let _ = batch(&mut pipeline);
        pipeline.push(request("c"), 9);
        assert_eq!(pipeline.answer(), Some(7));
        assert_eq!(pipeline.give_up(), Some(Place::OnTheWay));
        assert_eq!(pipeline.give_up(), Some(Place::Queued));
        assert_eq!(pipeline.give_up(), None);
    }

    #[test]
    fn what_was_not_sent_can_be_taken_back() {
        let mut pipeline = Pipeline::default();
        pipeline.push(request("a"), 7);
        let _ = batch(&mut pipeline);
        pipeline.push(request("b"), 8);
        pipeline.push(request("c"), 9);
        let unsent: Vec<_> = pipeline.take_unsent().map(|request| request.subject).collect();
        assert_eq!(unsent, ["b", "c"]);
        assert_eq!((pipeline.give_up(), pipeline.give_up()), (Some(Place::OnTheWay), None));
    }

    #[test]
    fn a_refusal_is_told_in_its_turn() {
        let mut pipeline = Pipeline::default();
        pipeline.push(request("a"), 7);
        pipeline.refuse(Error::too_large(), 1);
        pipeline.push(request("c"), 9);
        let _ = batch(&mut pipeline);
        assert_eq!(pipeline.next_refused(), None, "before the message in front of it");
        assert_eq!(pipeline.answer(), Some(7));
        assert_eq!(pipeline.next_refused(), Some((Error::too_large(), 1)));
        assert_eq!(pipeline.next_refused(), None);
        pipeline.finish();
        assert!(!pipeline.is_done());
        assert_eq!(pipeline.answer(), Some(9));
        assert!(pipeline.is_done());
    }
}
