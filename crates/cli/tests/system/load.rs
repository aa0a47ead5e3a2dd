//! Publishers that remember what they sent and what they were told.

use crate::{
    body::Key,
    calls::{Client, comes_back, is_refusal, reason},
    chance::Chance,
    entry::{Entry, Lifetime, Outcome},
};
use broker_proto::{PublishAck, PublishBatch, PublishRequest, publish_result};
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::{Code, Status};

/// No publisher sends more than this.
const MOST_MESSAGES: u64 = 30_000;

/// Messages of a stream that wait for their result.
const MOST_WAITING: usize = 4_000;

/// How long a publisher that was refused rests: no load is used up by an outage.
const REST: Duration = Duration::from_millis(20);

/// What all publishers of a run share.
#[derive(Clone)]
pub struct Load {
    subjects: Arc<[Arc<str>]>,
    acked: watch::Sender<u64>,
    unknown: watch::Sender<u64>,
    refused: watch::Sender<u64>,
    slowest: watch::Sender<Duration>,
    stopped: watch::Sender<bool>,
}

impl Load {
    /// A load on these subjects.
    pub fn new(subjects: &[Arc<str>]) -> Self {
        Self {
            subjects: subjects.into(),
            acked: watch::Sender::new(0),
            unknown: watch::Sender::new(0),
            refused: watch::Sender::new(0),
            slowest: watch::Sender::new(Duration::ZERO),
            stopped: watch::Sender::new(false),
        }
    }

    /// Waits until this many messages were acknowledged.
    pub async fn acked(&self, count: u64) {
        // The sender is held by `self`, so the channel is open.
        let _ = self.acked.subscribe().wait_for(|acked| *acked >= count).await;
    }

    /// Waits until this many more messages were acknowledged.
    pub async fn acked_more(&self, count: u64) {
        let now = *self.acked.borrow();
        self.acked(now + count).await;
    }

    /// Waits until this many more messages were refused or of unknown outcome.
    pub async fn failed_more(&self, count: u64) {
        let (mut refused, mut unknown) = (self.refused.subscribe(), self.unknown.subscribe());
        let failed = || *self.refused.borrow() + *self.unknown.borrow();
        let wanted = failed() + count;
        while failed() < wanted {
            tokio::select! {
                _ = refused.changed() => {}
                _ = unknown.changed() => {}
            }
        }
    }

    /// Messages of which nobody knows whether they are stored.
    pub fn unknown(&self) -> u64 {
        *self.unknown.borrow()
    }

    /// The longest that a message waited for an answer so far.
    pub fn slowest(&self) -> Duration {
        *self.slowest.borrow()
    }

    /// Publishers send no more, and end when everything they sent is answered.
    pub fn stop(&self) {
        self.stopped.send_replace(true);
    }

    /// Publishes one by one, until it is stopped or the broker is gone.
    pub async fn unary(self, mut client: Client, publisher: u32, mut chance: Chance) -> Vec<Entry> {
        let mut entries = Vec::new();
        for number in 1..=MOST_MESSAGES {
            if *self.stopped.borrow() {
                break;
            }
            let mut entry = self.entry(Key { publisher, number }, &mut chance);
            let answer = client.publish(entry.request(size(&mut chance))).await;
            entry.outcome = outcome(answer.as_ref().map(|answer| answer.get_ref().id));
            self.count(&entry);
            entries.push(entry);
            match answer {
                Ok(_) => {}
                Err(status) if comes_back(&status) => self.rest().await,
                Err(_) => break,
            }
        }
        entries
    }

    /// Publishes over one stream, until it is stopped or the broker is gone.
    pub async fn stream(
        self,
        mut client: Client,
        publisher: u32,
        mut chance: Chance,
    ) -> Vec<Entry> {
        let (batches, receiver) = mpsc::channel(4);
        let mut acks = match client.publish_stream(ReceiverStream::new(receiver)).await {
            Ok(answer) => answer.into_inner(),
            Err(_) => return Vec::new(),
        };
        let (mut entries, mut waiting, mut number) = (Vec::new(), VecDeque::new(), 0);
        let mut stopped = self.stopped.subscribe();
        let (mut batches, mut open, mut rested) = (Some(batches), true, true);
        let mut rest = interval(REST);
        rest.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let end = loop {
            if !open {
                // The broker answers what it has and ends the stream.
                batches = None;
            }
            let ready = rested && waiting.len() < MOST_WAITING && number < MOST_MESSAGES;
            tokio::select! {
                room = reserve(&batches), if open && ready => match room {
                    Some(room) => {
                        let batch = self.batch(publisher, &mut number, &mut chance);
                        let (sent, messages) = batch.into_iter().unzip();
                        room.send(PublishBatch { messages });
                        waiting.extend::<Vec<Entry>>(sent);
                    }
                    // The broker reads no more; it may still have something to say.
                    None => open = false,
                },
                ack = acks.next() => match ack {
                    Some(Ok(ack)) => rested &= self.take(ack, &mut waiting, &mut entries),
                    Some(Err(status)) => break Some(status),
                    None => break None,
                },
                _ = rest.tick(), if !rested => rested = true,
                _ = stopped.wait_for(|stopped| *stopped), if open => open = false,
            }
        };
        // What has no result when a closing broker ends the stream is surely not stored.
        let refused = end.is_some_and(|status| reason(&status) == "BROKER_CLOSING");
        let outcome = if refused { Outcome::Refused } else { Outcome::Unknown };
        entries.extend(waiting.into_iter().map(|entry| Entry { outcome, ..entry }));
        entries
    }

    fn batch(
        &self,
        publisher: u32,
        number: &mut u64,
        chance: &mut Chance,
    ) -> Vec<(Entry, PublishRequest)> {
        let count = *chance.of(&[1, 1, 3, 20, 200]);
        let one = |_| {
            *number += 1;
            let entry = self.entry(Key { publisher, number: *number }, chance);
            let request = entry.request(size(chance));
            (entry, request)
        };
        (0..count).map(one).collect()
    }

    /// Results come in the order sent. Answers whether all of these are good.
    fn take(
        &self,
        ack: PublishAck,
        waiting: &mut VecDeque<Entry>,
        entries: &mut Vec<Entry>,
    ) -> bool {
        let mut good = true;
        for result in ack.results {
            let mut entry = waiting.pop_front().expect("no more results than messages");
            entry.outcome = match result.result {
                Some(publish_result::Result::Id(id)) => outcome(Ok(id)),
                // An id of 0 may be left out of the encoding by no one: oneof fields are always there.
                None => panic!("a result without a result"),
                Some(publish_result::Result::Error(status)) => match Code::from_i32(status.code) {
                    Code::Unavailable | Code::ResourceExhausted | Code::InvalidArgument => {
                        Outcome::Refused
                    }
                    _ => Outcome::Unknown,
                },
            };
            good &= matches!(entry.outcome, Outcome::Acked { .. });
            self.count(&entry);
            entries.push(entry);
        }
        good
    }

    fn count(&self, entry: &Entry) {
        let waited = entry.sent.elapsed().unwrap_or_default();
        self.slowest.send_if_modified(|slowest| {
            let slower = waited > *slowest;
            *slowest = waited.max(*slowest);
            slower
        });
        let counter = match entry.outcome {
            Outcome::Acked { .. } => &self.acked,
            Outcome::Refused => &self.refused,
            Outcome::Unknown => &self.unknown,
        };
        counter.send_modify(|count| *count += 1);
    }

    /// Lets a little time pass, unless there is nothing more to do.
    async fn rest(&self) {
        let mut stopped = self.stopped.subscribe();
        let _ = timeout(REST, stopped.wait_for(|stopped| *stopped)).await;
    }

    fn entry(&self, key: Key, chance: &mut Chance) -> Entry {
        Entry::new(key, chance.of(&self.subjects), lifetime(chance))
    }
}

/// A place for one batch; none if the broker reads no more.
async fn reserve(
    batches: &Option<mpsc::Sender<PublishBatch>>,
) -> Option<mpsc::Permit<'_, PublishBatch>> {
    batches.as_ref()?.reserve().await.ok()
}

fn outcome(answer: Result<u64, &Status>) -> Outcome {
    match answer {
        Ok(id) => Outcome::Acked { id, at: SystemTime::now() },
        Err(status) if is_refusal(status) => Outcome::Refused,
        Err(_) => Outcome::Unknown,
    }
}

fn lifetime(chance: &mut Chance) -> Lifetime {
    match chance.between(0, 9) {
        0 => Lifetime::DeliveredOnly,
        1 => Lifetime::For(Duration::from_millis(50)),
        2 | 3 => Lifetime::For(chance.millis(200, 2_000)),
        4 | 5 => Lifetime::For(Duration::from_secs(chance.between(1, 4))),
        6 => Lifetime::For(Duration::from_secs(3_600)),
        _ => Lifetime::Kept,
    }
}

/// Mostly small, now and then large.
fn size(chance: &mut Chance) -> usize {
    match chance.between(0, 199) {
        0 => chance.between(60_000, 120_000) as usize,
        1..=20 => chance.between(500, 5_000) as usize,
        _ => chance.between(0, 200) as usize,
    }
}
