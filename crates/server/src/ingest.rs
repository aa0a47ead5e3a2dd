//! A publish stream: read eagerly, numbered in the order sent, acknowledged in that order.
//!
//! One task reads and submits, another one takes the answers and encodes them, and the response hands
//! them on. So a client that does not read its acknowledgements is read all the same, until too many
//! results wait for it, and those take a few bytes each.

use crate::{
    ack::Acks,
    convert::{Publications, batch},
    observe::RpcObserver,
    outbox::Outbox,
    receiving::{Received, Receiving},
    results::{Pool, Waiting},
    shutdown::{Phase, Watch},
    status::Problem,
    trace::{CallTrace, Tracing},
};
use broker_core::{Batch, Broker, Publication, PublishError, Published, Receipt};
use bytes::Bytes;
use futures_util::{FutureExt, Stream, stream};
use http_body::Body;
use std::sync::Arc;
use tokio::{sync::mpsc, task::AbortHandle};

/// Submissions that are not answered yet; what is in them is bounded by the core's queue.
const SUBMISSIONS: usize = 1_024;

/// Batches that are there are submitted together until they have this many messages or bytes: who
/// sends one message in each is served as well as who sends many.
const GATHERED_MESSAGES: usize = 1_024;
const GATHERED_BYTES: usize = 64 * 1024;

/// Messages on their way.
struct Submitted {
    receipt: Receipt,
    /// Messages that were refused at the door, by their place, ascending.
    refused: Vec<(usize, Problem)>,
    size: usize,
}

/// What the reader tells the collector: messages, or why there will be no more.
type Word = Result<Submitted, Problem>;

/// Acknowledgements as DATA frames. Reading stops when this is dropped.
pub fn acknowledgements<B>(
    broker: Broker,
    receiving: Receiving<B>,
    watch: Watch,
    pool: Arc<Pool>,
    observer: Arc<dyn RpcObserver>,
    (tracing, trace): (Tracing, CallTrace),
) -> impl Stream<Item = Result<Bytes, Problem>>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    let (words, submitted) = mpsc::channel(SUBMISSIONS);
    let waiting = Arc::new(Waiting::new(pool));
    let outbox = Arc::new(Outbox::new(broker.durability(), waiting.clone()));
    let publications = Publications::default();
    let reader = Reader { broker, receiving, watch, waiting, publications, tracing, trace };
    let tasks = [
        AbortOnDrop(tokio::spawn(reader.run(words)).abort_handle()),
        AbortOnDrop(tokio::spawn(collect(submitted, outbox.clone(), observer)).abort_handle()),
    ];
    stream::unfold((outbox, tasks), |(outbox, tasks)| async {
        let frame = outbox.take().await?;
        Some((frame, (outbox, tasks)))
    })
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Reader<B> {
    broker: Broker,
    receiving: Receiving<B>,
    watch: Watch,
    waiting: Arc<Waiting>,
    publications: Publications,
    tracing: Tracing,
    /// The stream's own.
    trace: CallTrace,
}

/// Batches read and not submitted yet.
#[derive(Default)]
struct Gathered {
    publications: Vec<Publication>,
    refused: Vec<(usize, Problem)>,
    bytes: usize,
    /// What they take while they are here.
    held: Vec<Received>,
}

impl Gathered {
    fn size(&self) -> usize {
        self.publications.len() + self.refused.len()
    }

    fn is_full(&self) -> bool {
        self.size() >= GATHERED_MESSAGES || self.bytes >= GATHERED_BYTES
    }
}

impl<B> Reader<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    async fn run(mut self, words: mpsc::Sender<Word>) {
        loop {
            let mut gathered = Gathered::default();
            let goes_on = self.gather(&mut gathered).await;
            if gathered.size() > 0 {
                let submitted = self.submit(gathered).await;
                let is_end = submitted.is_err();
                if words.send(submitted).await.is_err() || is_end {
                    return;
                }
            }
            match goes_on {
                Ok(true) => {}
                Ok(false) => return,
                Err(problem) => {
                    // Gone with its client, or told after all that came before.
                    let _ = words.send(Err(problem)).await;
                    return;
                }
            }
        }
    }

    /// Waits for a batch, and takes along what is there already. False when there is no more.
    async fn gather(&mut self, gathered: &mut Gathered) -> Result<bool, Problem> {
        let first = tokio::select! {
            biased;
            // What was read before is answered; what is still in the transport is not stored.
            () = self.watch.reached(Phase::Closing) => return Err(self.watch.farewell()),
            first = async {
                self.waiting.below_limit().await;
                self.receiving.next().await
            } => first?,
        };
        let Some(first) = first else { return Ok(false) };
        self.convert(first, gathered)?;
        while !gathered.is_full() {
            match self.receiving.next().now_or_never() {
                None => return Ok(true),
                Some(Ok(None)) => return Ok(false),
                Some(next) => {
                    if let Some(next) = next? {
                        self.convert(next, gathered)?;
                    }
                }
            }
        }
        Ok(true)
    }

    fn convert(&mut self, received: Received, gathered: &mut Gathered) -> Result<(), Problem> {
        let messages = batch::split(&received.bytes)?;
        let first = gathered.size();
        gathered.publications.reserve(messages.len());
        for (place, message) in (first..).zip(messages) {
            match self.publications.read(message, &received.bytes) {
                Ok(publication) => gathered.publications.push(publication),
                Err(invalid) => gathered.refused.push((place, invalid.into())),
            }
        }
        gathered.bytes += received.bytes.len();
        if received.share.is_some() {
            gathered.held.push(received);
        }
        Ok(())
    }

    async fn submit(&mut self, gathered: Gathered) -> Word {
        let size = gathered.size();
        self.waiting.expect(size);
        let Gathered { mut publications, refused, held, .. } = gathered;
        let span = self.tracing.submit(&self.trace, &mut publications);
        let receipt = self.broker.submit(Batch { publications, span }).await?;
        // Counted by the core from here on.
        drop(held);
        Ok(Submitted { receipt, refused, size })
    }
}

/// Takes the answers in order. Whatever is answered goes along; nothing waits for what is not.
async fn collect(
    mut submitted: mpsc::Receiver<Word>,
    outbox: Arc<Outbox>,
    observer: Arc<dyn RpcObserver>,
) {
    let mut next = submitted.recv().await;
    loop {
        let Submitted { mut receipt, refused, size } = match next {
            Some(Ok(submitted)) => submitted,
            Some(Err(problem)) => return outbox.end(Some(problem)),
            None => return outbox.end(None),
        };
        let answers = match (&mut receipt).now_or_never() {
            Some(answers) => answers,
            None => {
                outbox.deliver();
                receipt.await
            }
        };
        outbox.put(|acks| write(acks, size, refused, answers, &*observer));
        next = match submitted.try_recv() {
            Ok(word) => Some(word),
            Err(_) => {
                outbox.deliver();
                submitted.recv().await
            }
        };
    }
}

fn write(
    acks: &mut Acks,
    size: usize,
    refused: Vec<(usize, Problem)>,
    answers: Vec<Result<Published, PublishError>>,
    observer: &dyn RpcObserver,
) {
    let mut answers = answers.into_iter();
    let mut refused = refused.into_iter().peekable();
    let refuse = |acks: &mut Acks, problem: Problem| {
        observer.refused(problem.reason(), 1);
        acks.refuse(problem);
    };
    for place in 0..size {
        match refused.next_if(|(at, _)| *at == place) {
            Some((_, problem)) => refuse(acks, problem),
            None => match answers.next() {
                Some(Ok(published)) => acks.accept(published.id),
                Some(Err(error)) => refuse(acks, error.into()),
                None => refuse(acks, Problem::OutcomeUnknown),
            },
        }
    }
}
