//! A load of which every number is known.

use crate::{
    calls::{self, Client},
    process::Broker,
    waiting::{PATIENCE, within},
};
use broker_proto::{PublishBatch, PublishRequest};
use prost_types::Duration as WireDuration;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::interval;
use tokio_stream::StreamExt;
use tonic::{Code, Status};

const PUBLISHED: u64 = 20;
const DELIVERED_ONLY: u64 = 5;
const STREAMED: u64 = 30;
const FETCHED: u64 = 7;
const BRIEF: u64 = 3;

/// What a broker must have counted.
#[derive(Debug, Default)]
pub struct Counts {
    /// Calls that ended, by method and code.
    pub calls: BTreeMap<(&'static str, &'static str), u64>,
    /// Messages and bytes of bodies acknowledged as stored.
    pub stored: (u64, u64),
    /// The same, delivered only.
    pub delivered_only: (u64, u64),
    /// Messages and bytes handed to subscriptions.
    pub delivered: (u64, u64),
    /// Messages refused, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Messages that had expired when they were asked for.
    pub expired: u64,
}

impl Counts {
    fn call(&mut self, method: &'static str, code: &'static str) {
        *self.calls.entry((method, code)).or_default() += 1;
    }

    fn refuse(&mut self, reason: &'static str, messages: u64) {
        *self.refused.entry(reason).or_default() += messages;
    }
}

/// Makes all four calls, with and without success, and says what must have been counted.
pub async fn run(broker: &Broker) -> Counts {
    let client = calls::connect(broker.address).await;
    let mut counts = Counts::default();
    let mut subscription = calls::subscribe(&client, "known", 0).await.expect("a subscription");
    publish(&client, &mut counts).await;
    publish_stream(&client, &mut counts).await;
    fetch(&client, &mut counts).await;
    let live = PUBLISHED + DELIVERED_ONLY + STREAMED;
    for _ in 0..live {
        let message = calls::next(&mut subscription).await.expect("what was published");
        counts.delivered.0 += 1;
        counts.delivered.1 += message.body.len() as u64;
    }
    drop(subscription);
    counts.call("broker.Broker/Subscribe", "CANCELLED");
    counts
}

async fn publish(client: &Client, counts: &mut Counts) {
    for _ in 0..PUBLISHED {
        calls::publish(client, calls::kept("known", vec![b'x'; 100])).await.expect("stored");
        counts.call("broker.Broker/Publish", "OK");
        counts.stored = (counts.stored.0 + 1, counts.stored.1 + 100);
    }
    for _ in 0..DELIVERED_ONLY {
        let request = PublishRequest { keep: false, ..calls::kept("known", vec![b'y'; 10]) };
        calls::publish(client, request).await.expect("delivered");
        counts.call("broker.Broker/Publish", "OK");
        counts.delivered_only = (counts.delivered_only.0 + 1, counts.delivered_only.1 + 10);
    }
    let negative =
        PublishRequest { keep: false, expiration_seconds: -1, ..calls::kept("known", "z") };
    for (request, reason) in
        [(calls::kept("", "z"), "INVALID_SUBJECT"), (negative, "INVALID_EXPIRATION")]
    {
        let refusal = calls::publish(client, request).await.expect_err("it is wrong");
        assert_eq!(calls::reason(&refusal), reason);
        counts.call("broker.Broker/Publish", "INVALID_ARGUMENT");
        counts.refuse(reason, 1);
    }
}

async fn publish_stream(client: &Client, counts: &mut Counts) {
    let good = |_| calls::kept("known", vec![b's'; 50]);
    let bad = |_| calls::kept("", "z");
    let batches: Vec<PublishBatch> = [(STREAMED / 2, 1), (STREAMED / 2, 2)]
        .map(|(many, few)| PublishBatch {
            messages: (0..many).map(good).chain((0..few).map(bad)).collect(),
        })
        .into();
    let mut client = client.clone();
    let acks = client.publish_stream(tokio_stream::iter(batches)).await.expect("a stream");
    let results = within(PATIENCE, "all results", async {
        acks.into_inner()
            .map(|ack| ack.expect("an ack").results.len() as u64)
            .fold(0, |a, b| a + b)
            .await
    });
    assert_eq!(results.await, STREAMED + 3);
    counts.call("broker.Broker/PublishStream", "OK");
    counts.stored = (counts.stored.0 + STREAMED, counts.stored.1 + 50 * STREAMED);
    counts.refuse("INVALID_SUBJECT", 3);
}

async fn fetch(client: &Client, counts: &mut Counts) {
    for id in 1..=FETCHED {
        calls::fetch(client, "known", id).await.expect("it is stored");
        counts.call("broker.Broker/Fetch", "OK");
    }
    let missing = calls::fetch(client, "known", 10_000).await.expect_err("never published");
    assert_eq!(calls::reason(&missing), "MESSAGE_NOT_FOUND");
    counts.call("broker.Broker/Fetch", "INVALID_ARGUMENT");
    for _ in 0..BRIEF {
        let id = calls::publish(client, brief()).await.expect("stored");
        counts.call("broker.Broker/Publish", "OK");
        counts.stored = (counts.stored.0 + 1, counts.stored.1 + 5);
        let expired = within(PATIENCE, "it expires", until_refused(client, id, counts)).await;
        assert_eq!(calls::reason(&expired), "MESSAGE_EXPIRED");
        counts.expired += 1;
    }
}

/// Fetches a message until it is refused. A loop of its own: what `until` waits for can't be sent to another
/// thread.
async fn until_refused(client: &Client, id: u64, counts: &mut Counts) -> Status {
    let mut ticks = interval(Duration::from_millis(20));
    loop {
        ticks.tick().await;
        let answer = calls::fetch(client, "brief", id).await;
        counts.call("broker.Broker/Fetch", code(answer.as_ref().err()));
        if let Err(refusal) = answer {
            return refusal;
        }
    }
}

/// A message that is kept for a moment.
fn brief() -> PublishRequest {
    let expiration = Some(WireDuration { seconds: 0, nanos: 50_000_000 });
    PublishRequest { keep: false, expiration, ..calls::kept("brief", "brief") }
}

fn code(refusal: Option<&Status>) -> &'static str {
    match refusal.map(Status::code) {
        None => "OK",
        Some(Code::InvalidArgument) => "INVALID_ARGUMENT",
        Some(code) => panic!("{code:?}"),
    }
}
