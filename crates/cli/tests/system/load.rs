//! Publishers that remember what they sent and what they were told.

use crate::{
    body::Key,
    calls::{Client, is_refusal, reason},
    chance::Chance,
    entry::{Entry, Lifetime, Outcome},
};
use broker_proto::{PublishAck, PublishBatch, PublishRequest, publish_result};
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::sync::{mpsc, watch};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::Status;

/// No publisher sends more than this.
const MOST_MESSAGES: u64 = 30_000;

/// Messages of a stream that wait for their result.
const MOST_WAITING: usize = 4_000;

/// What all publishers of a run share.
#[derive(Clone)]
pub struct Load {
    subjects: Arc<[Arc<str>]>,
    acked: watch::Sender<u64>,
}

impl Load {
    /// A load on these subjects.
    pub fn new(subjects: &[Arc<str>]) -> Self {
        Self { subjects: subjects.into(), acked: watch::Sender::new(0) }
    }

    /// Waits until this many messages were acknowledged.
    pub async fn acked(&self, count: u64) {
        // The sender is held by `self`, so the channel is open.
        let _ = self.acked.subscribe().wait_for(|acked| *acked >= count).await;
    }

    /// Publishes one by one, until the broker is gone.
    pub async fn unary(self, mut client: Client, publisher: u32, mut chance: Chance) -> Vec<Entry> {
        let mut entries = Vec::new();
        for number in 1..=MOST_MESSAGES {
            let mut entry = self.entry(Key { publisher, number }, &mut chance);
            let answer = client.publish(entry.request(size(&mut chance))).await;
            entry.outcome = outcome(answer.as_ref().map(|answer| answer.get_ref().id));
            entries.push(entry);
            self.acked.send_modify(|acked| *acked += u64::from(answer.is_ok()));
            if answer.is_err_and(|status| !is_overloaded(&status)) {
                break;
            }
        }
        entries
    }

    /// Publishes over one stream, until the broker is gone.
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
        let mut open = true;
        let end = loop {
            let ready = open && waiting.len() < MOST_WAITING && number < MOST_MESSAGES;
            tokio::select! {
                room = batches.reserve(), if ready => match room {
                    Ok(room) => {
                        let batch = self.batch(publisher, &mut number, &mut chance);
                        let (sent, messages) = batch.into_iter().unzip();
                        room.send(PublishBatch { messages });
                        waiting.extend::<Vec<Entry>>(sent);
                    }
                    // The broker reads no more; it may still have something to say.
                    Err(_) => open = false,
                },
                ack = acks.next() => match ack {
                    Some(Ok(ack)) => self.take(ack, &mut waiting, &mut entries),
                    Some(Err(status)) => break Some(status),
                    None => break None,
                },
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

    /// Results come in the order sent.
    fn take(&self, ack: PublishAck, waiting: &mut VecDeque<Entry>, entries: &mut Vec<Entry>) {
        let mut stored = 0;
        for result in ack.results {
            let mut entry = waiting.pop_front().expect("no more results than messages");
            entry.outcome = match result.result {
                Some(publish_result::Result::Id(id)) => outcome(Ok(id)),
                // An id of 0 may be left out of the encoding by no one: oneof fields are always there.
                None => panic!("a result without a result"),
                Some(publish_result::Result::Error(status))
                    if status.code == tonic::Code::DeadlineExceeded as i32 =>
                {
                    Outcome::Unknown
                }
                Some(publish_result::Result::Error(_)) => Outcome::Refused,
            };
            stored += u64::from(matches!(entry.outcome, Outcome::Acked { .. }));
            entries.push(entry);
        }
        self.acked.send_modify(|acked| *acked += stored);
    }

    fn entry(&self, key: Key, chance: &mut Chance) -> Entry {
        Entry::new(key, chance.of(&self.subjects), lifetime(chance))
    }
}

fn outcome(answer: Result<u64, &Status>) -> Outcome {
    match answer {
        Ok(id) => Outcome::Acked { id, at: SystemTime::now() },
        Err(status) if is_refusal(status) => Outcome::Refused,
        Err(_) => Outcome::Unknown,
    }
}

fn is_overloaded(status: &Status) -> bool {
    status.code() == tonic::Code::ResourceExhausted
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
