//! A broker that writes down every message it is sent, and says to each what a test wants.

use crate::fake::Fake;
use broker_proto::{
    Durability, PublishAck, PublishBatch, PublishResult, publish_result::Result as Word,
};
use futures_util::{FutureExt, Stream, StreamExt, stream};
use prost::Message;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tonic::{Response, Status, Streaming};

/// What is said to a message.
pub enum Say {
    Stored,
    Refused(Status),
    /// The stream ends before it is answered.
    Ends(Status),
    /// Neither it nor anything behind it is ever answered.
    Nothing,
}

/// A message that came, for which time, from 1.
pub struct Arrival<'a> {
    pub body: &'a str,
    pub time: usize,
}

type Judge = Arc<dyn Fn(Arrival<'_>) -> Say + Send + Sync>;

/// What came, in its order.
#[derive(Clone)]
pub struct Ledger {
    bodies: Arc<Mutex<Vec<String>>>,
    streams: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    judge: Judge,
}

impl Ledger {
    pub fn new(judge: impl Fn(Arrival<'_>) -> Say + Send + Sync + 'static) -> Self {
        Self {
            bodies: Arc::default(),
            streams: Arc::default(),
            open: Arc::default(),
            judge: Arc::new(judge),
        }
    }

    pub fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }

    /// Streams that were opened so far.
    pub fn streams(&self) -> usize {
        self.streams.load(Ordering::SeqCst)
    }

    /// Streams that have not ended.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    pub fn fake(&self) -> Fake {
        let ledger = self.clone();
        Fake {
            publish: Arc::new(move |batches| {
                let answers = ledger.answers(batches);
                async move { Ok(Response::new(answers.boxed())) }.boxed()
            }),
            ..Fake::default()
        }
    }

    fn answers(
        &self,
        batches: Streaming<PublishBatch>,
    ) -> impl Stream<Item = Result<PublishAck, Status>> + use<> {
        self.streams.fetch_add(1, Ordering::SeqCst);
        self.open.fetch_add(1, Ordering::SeqCst);
        let reading = Reading { ledger: self.clone(), batches, said: VecDeque::new() };
        stream::unfold(Some(reading), |reading| async {
            let mut reading = reading?;
            loop {
                match reading.said.pop_front() {
                    Some(Ok(ack)) => return Some((Ok(ack), Some(reading))),
                    Some(Err(status)) => return Some((Err(status), None)),
                    None => {}
                }
                let batch = reading.batches.next().await?.ok()?;
                if reading.judge(batch).is_none() {
                    // Held, unanswered, until the client goes.
                    while let Some(Ok(_)) = reading.batches.next().await {}
                    return None;
                }
            }
        })
    }

    fn say(&self, body: &str) -> Say {
        let mut bodies = self.bodies.lock().unwrap();
        bodies.push(body.to_owned());
        let time = bodies.iter().filter(|other| *other == body).count();
        drop(bodies);
        (self.judge)(Arrival { body, time })
    }
}

struct Reading {
    ledger: Ledger,
    batches: Streaming<PublishBatch>,
    said: VecDeque<Result<PublishAck, Status>>,
}

impl Reading {
    /// `None`: nothing more is said.
    fn judge(&mut self, batch: PublishBatch) -> Option<()> {
        for message in batch.messages {
            let body = String::from_utf8(message.body.to_vec()).unwrap();
            let result = match self.ledger.say(&body) {
                Say::Stored => Word::Id(self.ledger.bodies().len() as u64),
                Say::Refused(status) => {
                    Word::Error(tonic_types::Status::decode(status.details()).unwrap())
                }
                Say::Ends(status) => {
                    self.said.push_back(Err(status));
                    return Some(());
                }
                Say::Nothing => return None,
            };
            let results = vec![PublishResult { result: Some(result) }];
            self.said.push_back(Ok(PublishAck { results, durability: Durability::Disk.into() }));
        }
        Some(())
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.ledger.open.fetch_sub(1, Ordering::SeqCst);
    }
}
