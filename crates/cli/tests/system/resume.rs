//! A subscriber across kill -9: it resumes after its last id, without a gap and without a duplicate.

use crate::{
    body::{self, Key},
    calls::{self, Client},
    chance::{Chance, seed},
    launch::Launch,
    process::Broker,
    waiting::{PATIENCE, within},
};
use std::{collections::HashMap, net::SocketAddr};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_stream::StreamExt;

const KILLS: u64 = 5;
const SUBJECT: &str = "across";
const MOST_MESSAGES: u64 = 200_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_resumes_without_gap_or_duplicate() {
    let mut chance = Chance::new(seed());
    let folder = TempDir::new().expect("a folder");
    let launch = Launch::local(folder.path());
    let mut broker = Broker::start(&launch).await;
    let (address, addresses) = watch::channel(Some(broker.address));
    let (received, mut progress) = watch::channel(0);
    let subscriber = tokio::spawn(subscribe(addresses.clone(), received));
    let publisher = tokio::spawn(publish(addresses));
    let mut wanted = 0;
    for _ in 0..KILLS {
        wanted += chance.between(50, 2_000);
        let more = progress.wait_for(|count| *count >= wanted);
        within(PATIENCE, "messages", more).await.expect("the subscriber runs");
        broker.kill();
        broker = Broker::start(&launch).await;
        address.send_replace(Some(broker.address));
    }
    address.send_replace(None);
    let acked = within(PATIENCE, "the publisher's end", publisher).await.expect("no panic");
    broker.kill();
    let shown = within(PATIENCE, "the subscriber's end", subscriber).await.expect("no panic");
    judge(&shown, &acked);
    stays_what_it_was(&Broker::start(&launch).await, &shown).await;
}

/// What the subscriber was shown is every acknowledged message up to its last one, once, in order.
fn judge(shown: &[(u64, Key)], acked: &HashMap<u64, Key>) {
    println!("shown {}, acked {}", shown.len(), acked.len());
    assert!(shown.windows(2).all(|two| two[0].0 < two[1].0), "ids grow");
    assert!(shown.windows(2).all(|two| two[0].1.number < two[1].1.number), "no duplicate");
    let by_id: HashMap<u64, Key> = shown.iter().copied().collect();
    let last = shown.last().expect("something was shown").0;
    for (id, key) in acked.iter().filter(|(id, _)| **id <= last) {
        assert_eq!(by_id.get(id), Some(key), "id {id} was acknowledged");
    }
}

/// A replay shows the same as the subscriber saw.
async fn stays_what_it_was(broker: &Broker, shown: &[(u64, Key)]) {
    let client = calls::connect(broker.address).await;
    let replay = calls::replay(&client, SUBJECT, 1).await;
    let replay: Vec<(u64, Key)> =
        replay.iter().map(|m| (m.id, body::decode(&m.body).expect("whole"))).collect();
    assert!(replay.len() >= shown.len());
    assert_eq!(replay[..shown.len()], *shown);
}

/// Publishes one by one, each number once, until there is no address any more.
async fn publish(mut addresses: watch::Receiver<Option<SocketAddr>>) -> HashMap<u64, Key> {
    let (mut acked, mut client) = (HashMap::new(), None);
    for number in 1..=MOST_MESSAGES {
        let Some(address) = *addresses.borrow_and_update() else { return acked };
        let to = match client.take() {
            Some(client) => client,
            None => match calls::endpoint(address).connect().await {
                Ok(channel) => Client::new(channel),
                Err(_) => {
                    within(PATIENCE, "the next broker", addresses.changed()).await.expect("open");
                    continue;
                }
            },
        };
        let key = Key { publisher: 1, number };
        // A message without an answer is not sent again: it may be stored.
        if let Ok(id) = calls::publish(&to, calls::kept(SUBJECT, body::encode(key, 64))).await {
            acked.insert(id, key);
            client = Some(to);
        }
    }
    acked
}

/// Follows the subject from broker to broker, until there is no next one.
async fn subscribe(
    mut addresses: watch::Receiver<Option<SocketAddr>>,
    received: watch::Sender<u64>,
) -> Vec<(u64, Key)> {
    let mut shown: Vec<(u64, Key)> = Vec::new();
    loop {
        // A statement of its own: what is borrowed from a watch blocks its sender.
        let next = *addresses.borrow_and_update();
        let Some(address) = next else { break };
        let after = shown.last().map_or(0, |(id, _)| *id);
        if let Ok(channel) = calls::endpoint(address).connect().await {
            let stream = calls::subscribe(&Client::new(channel), SUBJECT, after).await;
            let mut stream = stream.expect("no id was lost that was shown");
            while let Some(Ok(message)) = stream.next().await {
                shown.push((message.id, body::decode(&message.body).expect("whole")));
                received.send_replace(shown.len() as u64);
            }
        }
        within(PATIENCE, "the next broker", addresses.changed()).await.expect("the test runs");
    }
    shown
}
