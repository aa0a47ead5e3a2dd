//! Subscribers that come while publishers are at full speed.

use super::venue::{Dice, Handed, broker, publication, publish};
use crate::support::{StoreUnderTest, subject};
use broker_core::{Broker, Lifetime, Limits, MessageId, Start};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::watch;

const JOINS: u64 = 100;
const PUBLISHERS: u64 = 4;
const BATCHES: u64 = 60;
const BATCH: u64 = 16;

/// Every id that was acknowledged, how many there are, and how many have joined.
struct Board {
    ids: Mutex<Vec<MessageId>>,
    count: watch::Sender<usize>,
    joined: watch::Sender<u64>,
}

impl Board {
    fn add(&self, ids: &[MessageId]) {
        self.ids.lock().extend(ids);
        self.count.send_modify(|count| *count += ids.len());
    }

    fn last(&self) -> MessageId {
        self.ids.lock().iter().max().copied().unwrap_or(MessageId::NONE)
    }
}

struct Joined {
    handed: Handed,
    /// It was handed all above an id between these two.
    after: (MessageId, MessageId),
}

pub async fn under_load(store: impl StoreUnderTest) {
    // Tails so small that those who come late find them gone on.
    let limits = Limits { tail_bytes: 60_000, page_read_bytes: 4_096, ..Limits::default() };
    let broker = broker(&store, limits).await;
    let board = Arc::new(Board {
        ids: Mutex::default(),
        count: watch::Sender::new(0),
        joined: watch::Sender::new(0),
    });
    let (finish, finished) = watch::channel(None);
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|_| tokio::spawn(publish_at_full_speed(broker.clone(), board.clone())))
        .collect();
    let mut dice = Dice(5);
    let joins: Vec<_> = (0..JOINS)
        .map(|number| {
            let moment = dice.below(PUBLISHERS * BATCHES * BATCH * 8 / 10) as usize;
            tokio::spawn(join(broker.clone(), board.clone(), moment, number, finished.clone()))
        })
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    board.joined.subscribe().wait_for(|joined| *joined == JOINS).await.unwrap();
    // A last one that all must be handed.
    let last = loop {
        if let [last] = publish(&broker, one()).await[..] {
            break last;
        }
    };
    board.add(&[last]);
    finish.send_replace(Some(last));
    let mut joined = Vec::new();
    for join in joins {
        joined.push(join.await.unwrap());
    }
    check(&board, &joined, last);
    assert_eq!(broker.subscribers(), 0);
    broker.close().await;
}

fn one() -> Vec<broker_core::Publication> {
    vec![publication("s", 0, 40, Lifetime::Forever)]
}

async fn publish_at_full_speed(broker: Broker, board: Arc<Board>) {
    for _ in 0..BATCHES {
        let batch = (0..BATCH).map(|n| publication("s", n, 40, Lifetime::Forever));
        let ids = publish(&broker, batch.collect()).await;
        assert!(ids.is_sorted_by(|a, b| a < b));
        board.add(&ids);
    }
}

async fn join(
    broker: Broker,
    board: Arc<Board>,
    moment: usize,
    number: u64,
    mut finished: watch::Receiver<Option<MessageId>>,
) -> Joined {
    board.count.subscribe().wait_for(|count| *count >= moment).await.unwrap();
    let known = board.last();
    let (start, lowest) = match number % 3 {
        0 => (Start::Retained, MessageId::NONE),
        1 => (Start::After(MessageId(known.0 / 2)), MessageId(known.0 / 2)),
        _ => (Start::New, known),
    };
    let mut subscription = broker.subscribe(subject("s"), start).await.unwrap();
    // What is published from here on must reach it, its own message too.
    let own = publish(&broker, one()).await;
    board.add(&own);
    board.joined.send_modify(|joined| *joined += 1);
    let highest = match (start, own.first()) {
        (Start::New, Some(own)) => MessageId(own.0 - 1),
        // Refused: all that is sure is that the last one came later.
        (Start::New, None) => MessageId(u64::MAX),
        _ => lowest,
    };
    let mut handed = Handed::default();
    let last = loop {
        if let Some(last) = *finished.borrow_and_update()
            && handed.last() >= last
        {
            break last;
        }
        tokio::select! {
            () = handed.take(&mut subscription) => {}
            changed = finished.changed() => changed.unwrap(),
        }
    };
    handed.ids.retain(|id| *id <= last);
    Joined { handed, after: (lowest, highest) }
}

fn check(board: &Board, joined: &[Joined], last: MessageId) {
    let mut all = board.ids.lock().clone();
    all.sort_unstable();
    all.retain(|id| *id <= last);
    for (number, Joined { handed, after: (lowest, highest) }) in joined.iter().enumerate() {
        // What is above the highest must be there, what is not above the lowest must not.
        let first_expected = all.iter().find(|id| *id > highest).unwrap_or(&last);
        let first = handed.ids[0];
        assert!(first > *lowest, "{number} is handed {first} although it asked above {lowest}");
        assert!(first <= *first_expected, "{number} lacks what came after it stood");
        let expected = all.iter().filter(|id| **id >= first);
        assert!(handed.ids.iter().eq(expected), "{number} has a hole or a duplicate");
    }
}
