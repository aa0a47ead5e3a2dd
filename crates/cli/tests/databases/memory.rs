//! Readers that want more than a broker may hold at once.

use crate::{
    calls::{self, Client},
    database::{Kind, over_both},
    process::Broker,
    waiting::{PATIENCE, within},
};
use std::time::Duration;
use tokio::task::JoinSet;

over_both!(large_messages_are_fetched_and_replayed_in_bounds);

/// What a broker may take at its defaults, connections and windows included.
const MEMORY: u64 = 256 * 1024 * 1024;
const LARGE: usize = 3_000_000;
const MESSAGES: u64 = 16;
const CONNECTIONS: u64 = 16;
/// Of each connection.
const FETCHES: u64 = 16;
/// Of each connection.
const REPLAYS: u64 = 2;

async fn large_messages_are_fetched_and_replayed_in_bounds(kind: Kind) {
    let broker = Broker::start(&kind.launch(kind.shared())).await;
    let client = calls::connect(broker.address).await;
    for id in 1..=MESSAGES {
        let message = calls::kept("large", vec![7; LARGE]);
        assert_eq!(calls::publish(&client, message).await.expect("stored"), id);
    }
    let mut readers = JoinSet::new();
    for number in 0..CONNECTIONS {
        let client = calls::connect(broker.address).await;
        for fetch in 0..FETCHES {
            let id = (number + fetch) % MESSAGES + 1;
            readers.spawn(fetch_one(client.clone(), id));
        }
        for _ in 0..REPLAYS {
            readers.spawn(replay_all(client.clone()));
        }
    }
    let most = within(4 * PATIENCE, "all is read", watch(&broker, readers)).await;
    println!("at most {} MiB of anonymous memory", most >> 20);
    assert!(most < MEMORY, "{most} bytes of anonymous memory");
}

/// The most memory that the broker took until all were done.
async fn watch(broker: &Broker, mut readers: JoinSet<()>) -> u64 {
    let mut looks = tokio::time::interval(Duration::from_millis(2));
    let mut most = 0;
    loop {
        most = most.max(broker.anonymous_memory());
        tokio::select! {
            _ = looks.tick() => {}
            ended = readers.join_next() => match ended {
                Some(ended) => ended.expect("it reads everything"),
                None => return most,
            },
        }
    }
}

/// Tries again while there is no room for it: that is what a bound is for.
async fn fetch_one(client: Client, id: u64) {
    loop {
        match calls::fetch(&client, "large", id).await {
            Ok(message) => {
                assert_eq!(message.body.len(), LARGE);
                return;
            }
            Err(told) => assert_eq!(calls::reason(&told), "OVERLOADED", "{told:?}"),
        }
    }
}

/// From the beginning, again behind what it has where there was no room for it.
async fn replay_all(client: Client) {
    let mut last = 0;
    while last < MESSAGES {
        let read = async {
            let mut stream = calls::subscribe(&client, "large", last).await?;
            while last < MESSAGES {
                let message = calls::next(&mut stream).await?;
                assert_eq!((message.id, message.body.len()), (last + 1, LARGE));
                last = message.id;
            }
            Ok::<_, tonic::Status>(())
        };
        if let Err(told) = read.await {
            assert_eq!(calls::reason(&told), "OVERLOADED", "{told:?}");
        }
    }
}
