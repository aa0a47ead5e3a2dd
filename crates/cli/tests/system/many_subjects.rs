//! A million subjects that lived once: no memory for the dead, and their ids are never used again.

use crate::{
    calls::{self, Client},
    launch::Launch,
    process::Broker,
    waiting::{PATIENCE, until, within},
};
use broker_proto::{PublishBatch, PublishRequest, publish_result};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};

const SUBJECTS: u64 = 1_000_000;
/// How many there are at least, on a machine too slow for all of them.
const FEWER_SUBJECTS: u64 = 200_000;
/// Time for them all.
const ENOUGH: Duration = Duration::from_secs(60);
const BATCH: u64 = 5_000;
/// Batches that wait for their results: enough to keep a fast store busy, and soon answered by a slow one.
const WAITING_BATCHES: usize = 4;
const MEMORY: u64 = 256 * 1024 * 1024;
const LIFETIME_SECONDS: i32 = 1;

#[tokio::test(flavor = "multi_thread")]
async fn subjects_that_lived_once_cost_no_memory_and_keep_their_ids() {
    let folder = TempDir::new().expect("a folder");
    let launch = Launch::local(folder.path());
    let mut broker = Broker::start(&launch).await;
    let (count, memory) = publish_to_all(&broker).await;
    println!("{count} subjects, at most {} MiB of anonymous memory", memory >> 20);
    assert!(memory < MEMORY, "{memory} bytes of anonymous memory");
    let client = calls::connect(broker.address).await;
    ids_go_on(&client, count, 0).await;

    broker.kill();
    let broker = Broker::start(&launch).await;
    let client = calls::connect(broker.address).await;
    ids_go_on(&client, count, 1).await;
    let unborn = calls::fetch(&client, &name(SUBJECTS + 1), 1).await.expect_err("never published");
    assert_eq!(calls::reason(&unborn), "MESSAGE_NOT_FOUND");
    let memory = broker.anonymous_memory();
    assert!(memory < MEMORY, "{memory} bytes of anonymous memory after a restart");
}

/// 30 bytes.
fn name(number: u64) -> String {
    format!("device/{number:023}")
}

/// One message to each subject; answers how many there are and the most memory seen.
async fn publish_to_all(broker: &Broker) -> (u64, u64) {
    let start = Instant::now();
    let (batches, receiver) = mpsc::channel(1);
    let turns = Arc::new(Semaphore::new(WAITING_BATCHES));
    let mut client = calls::connect(broker.address).await;
    let feeder = tokio::spawn(feed(batches, turns.clone(), start));
    let stream = client.publish_stream(ReceiverStream::new(receiver));
    let mut acks = within(PATIENCE, "a stream", stream).await.expect("a stream").into_inner();
    let (mut count, mut memory) = (0, 0);
    while let Some(ack) = within(PATIENCE, "an ack", acks.next()).await {
        for result in ack.expect("the stream goes on").results {
            assert_eq!(result.result, Some(publish_result::Result::Id(1)), "message {count}");
            count += 1;
            if count % BATCH == 0 {
                turns.add_permits(1);
                memory = memory.max(broker.anonymous_memory());
            }
            if count % (SUBJECTS / 10) == 0 {
                println!("{count} subjects: {} MiB", broker.anonymous_memory() >> 20);
            }
        }
    }
    assert_eq!(count, feeder.await.expect("no panic"));
    println!("{count} subjects in {:?}", start.elapsed());
    (count, memory)
}

/// Answers how many it sent.
async fn feed(batches: mpsc::Sender<PublishBatch>, turns: Arc<Semaphore>, start: Instant) -> u64 {
    for first in (0..SUBJECTS).step_by(BATCH as usize) {
        if start.elapsed() > ENOUGH && first >= FEWER_SUBJECTS {
            println!("this machine is slow: {first} subjects instead of {SUBJECTS}");
            return first;
        }
        let one = |number| PublishRequest {
            subject: name(number),
            body: "x".into(),
            expiration_seconds: LIFETIME_SECONDS,
            ..PublishRequest::default()
        };
        let messages = (first..first + BATCH).map(one).collect();
        turns.acquire().await.expect("never closed").forget();
        batches.send(PublishBatch { messages }).await.expect("the broker reads on");
    }
    SUBJECTS
}

/// Subjects all over the range are dead, and their next id is above all they had.
async fn ids_go_on(client: &Client, count: u64, before: u64) {
    for number in (before..count).step_by(count as usize / 50) {
        let subject = name(number);
        until(PATIENCE, "it expires", async || {
            let gone = calls::fetch(client, &subject, 1).await.err()?;
            assert_eq!(calls::reason(&gone), "MESSAGE_EXPIRED", "{subject}: {gone:?}");
            Some(())
        })
        .await;
        let id = calls::publish(client, calls::kept(&subject, "again")).await.expect("stored");
        assert!(id > 1, "{subject}: id {id} was used before");
    }
}
