//! A publish stream: read eagerly, numbered in the order sent, acknowledged in that order.

use crate::{
    ack::Ack,
    batch,
    convert::Publications,
    limits::{MAX_ACK, MAX_WAITING_RESULTS},
    receiving::Receiving,
    status::Problem,
};
use broker_core::{Broker, PublishError, Published, Receipt};
use bytes::Bytes;
use futures_util::{FutureExt, Stream, stream};
use std::sync::Arc;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    task::AbortHandle,
};
use tonic::Status;

/// Batches whose results wait; their number of results is bounded by credit.
const WAITING_BATCHES: usize = 1_024;

/// A batch on its way.
struct Submitted {
    receipt: Receipt,
    /// Messages that were refused at the door, by their place in the batch, ascending.
    refused: Vec<(usize, Problem)>,
    size: usize,
    credit: OwnedSemaphorePermit,
}

/// What the reader tells the writer: a batch, or why there will be no more.
type Word = Result<Submitted, Status>;

/// Acknowledgements as DATA frames. Reading goes on in a task of its own, however slowly they are
/// taken, until too many results wait; it stops when the response is dropped.
pub fn acknowledgements(
    broker: Broker,
    receiving: Receiving,
    closing: watch::Receiver<bool>,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, Status>> {
    let (words, waiting) = mpsc::channel(WAITING_BATCHES);
    let durability = broker.durability();
    let reading = tokio::spawn(read(broker, receiving, closing, words)).abort_handle();
    let writer = Writer {
        waiting,
        oldest: None,
        ack: Ack::new(durability),
        end: None,
        _reading: AbortOnDrop(reading),
        _permit: permit,
    };
    stream::unfold(Some(writer), |writer| async {
        let mut writer = writer?;
        match writer.next().await {
            Ok(Some(frame)) => Some((Ok(frame), Some(writer))),
            Ok(None) => None,
            Err(status) => Some((Err(status), None)),
        }
    })
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn read(
    broker: Broker,
    mut receiving: Receiving,
    mut closing: watch::Receiver<bool>,
    words: mpsc::Sender<Word>,
) {
    let credit = Arc::new(Semaphore::new(MAX_WAITING_RESULTS));
    let mut publications = Publications::default();
    loop {
        let next = tokio::select! {
            biased;
            // What was read before is answered; what is still in the transport is not stored.
            _ = closing.wait_for(|closing| *closing) => Err(Problem::Closing.into()),
            next = receiving.next(Problem::BatchTooLarge) => next,
        };
        let submitted = match next {
            Ok(Some(encoded)) => submit(&broker, encoded, &mut publications, &credit).await,
            Ok(None) => return,
            Err(status) => Err(status),
        };
        let is_end = submitted.is_err();
        if words.send(submitted).await.is_err() || is_end {
            return;
        }
    }
}

async fn submit(
    broker: &Broker,
    encoded: Bytes,
    publications: &mut Publications,
    credit: &Arc<Semaphore>,
) -> Word {
    let messages = batch::split(encoded)?;
    let size = messages.len();
    let mut batch = Vec::with_capacity(size);
    let mut refused = Vec::new();
    for (index, message) in messages.into_iter().enumerate() {
        match publications.read(message) {
            Ok(publication) => batch.push(publication),
            Err(invalid) => refused.push((index, invalid.into())),
        }
    }
    let results = u32::try_from(size).unwrap_or(u32::MAX);
    let credit = credit.clone().acquire_many_owned(results).await;
    let credit = credit.map_err(|_| Problem::Internal)?;
    let receipt = broker.submit(batch).await.map_err(Problem::from)?;
    Ok(Submitted { receipt, refused, size, credit })
}

struct Writer {
    waiting: mpsc::Receiver<Word>,
    /// Taken from those, and not answered yet.
    oldest: Option<Submitted>,
    ack: Ack,
    /// Why the stream ends, once what came before is acknowledged.
    end: Option<Status>,
    _reading: AbortOnDrop,
    _permit: OwnedSemaphorePermit,
}

impl Writer {
    /// The next frames of acknowledgements; `None` when all are given and the client is done.
    async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        loop {
            if let Some(end) = self.end.take() {
                return Err(end);
            }
            let mut oldest = match self.oldest.take() {
                Some(oldest) => oldest,
                None => match self.waiting.recv().await {
                    Some(word) => word?,
                    None => return Ok(None),
                },
            };
            let answers = (&mut oldest.receipt).await;
            self.write(oldest, answers);
            self.write_what_is_answered();
            let frames = self.ack.frames();
            // A batch without messages has no results.
            if !frames.is_empty() {
                return Ok(Some(frames));
            }
        }
    }

    /// Whatever is answered by now goes along; nothing waits for what is not.
    fn write_what_is_answered(&mut self) {
        while self.ack.len() < MAX_ACK / 2 {
            match self.waiting.try_recv() {
                Ok(Ok(mut submitted)) => match (&mut submitted.receipt).now_or_never() {
                    Some(answers) => self.write(submitted, answers),
                    None => {
                        self.oldest = Some(submitted);
                        return;
                    }
                },
                Ok(Err(status)) => {
                    self.end = Some(status);
                    return;
                }
                Err(_) => return,
            }
        }
    }

    fn write(&mut self, submitted: Submitted, answers: Vec<Result<Published, PublishError>>) {
        let mut answers = answers.into_iter();
        let mut refused = submitted.refused.into_iter().peekable();
        for index in 0..submitted.size {
            match refused.next_if(|(at, _)| *at == index) {
                Some((_, problem)) => self.ack.refuse(problem),
                None => match answers.next() {
                    Some(Ok(published)) => self.ack.accept(published.id),
                    Some(Err(error)) => self.ack.refuse(error.into()),
                    None => self.ack.refuse(Problem::OutcomeUnknown),
                },
            }
        }
        drop(submitted.credit);
    }
}
