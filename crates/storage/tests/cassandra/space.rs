//! Space that is given back.

#![expect(clippy::print_stdout, reason = "what is measured beside is for whoever asks to see it")]

use super::scene::{Scene, ids, insist};
use crate::support::{kept, message, subject};
use broker_core::{Headers, Message, MessageId, Storage, SystemTime, TimeSource, Timestamp};
use broker_test_servers::Cassandra;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const SECOND: i64 = 1_000_000_000;
const NOW: i64 = 1_790_000_000 * SECOND;
/// Longer than a server can count: no TTL, so the broker deletes.
const END: i64 = NOW + 50 * 365 * DAY * SECOND;
/// Behind the period in which [`END`] lies.
const LATER: Timestamp = Timestamp(END + 31 * DAY * SECOND);
const SUBJECTS: u64 = 10;
const EACH: u64 = 2_000;
/// Much is under way, and nothing here is about leases or outages.
const PATIENCE: Duration = Duration::from_secs(15);
const DAY: i64 = 86_400;
/// What takes longer never comes.
const LIMIT: Duration = Duration::from_secs(120);

fn long_lived(name: &str, id: u64) -> Arc<Message> {
    // Some of each partition stays.
    let end = (!id.is_multiple_of(10)).then_some(END);
    message(name, id, NOW, end, Headers::default(), vec![b'x'; 100])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_ttl_can_hold_is_deleted_beside_appends() {
    let mut scene = Scene::shared();
    (scene.config.times.lease, scene.config.times.unavailable) = (PATIENCE, PATIENCE);
    let storage = scene.open(None).await.storage;
    let names: Vec<String> = (0..SUBJECTS).map(|n| format!("long {n}")).collect();
    for name in &names {
        let batch: Vec<_> = (1..=EACH).map(|id| long_lived(name, id)).collect();
        insist(&storage, &batch).await;
    }
    let mut next = 0;
    let before = latencies(&storage, &mut next, 100).await;
    assert_eq!(storage.reclaim(Timestamp(END - 1)).await.unwrap().messages, 0, "all of it lives");

    let (mut gone, mut more, mut during) = (0, true, Vec::new());
    while more {
        let reclaiming = storage.reclaim(LATER);
        let (part, times) = tokio::join!(reclaiming, latencies(&storage, &mut next, 10));
        let part = part.expect("the database is there");
        (gone, more) = (gone + part.messages, part.more);
        during.extend(times);
    }
    assert_eq!(gone, SUBJECTS * (EACH - EACH / 10));
    let (before, during) = (median(before), median(during));
    println!("{gone} deleted; the median of lone appends was {before:?}, meanwhile {during:?}");
    assert!(during < before * 5 + Duration::from_millis(100), "{before:?}, meanwhile {during:?}");

    let again = storage.reclaim(LATER).await.unwrap();
    assert_eq!((again.messages, again.more), (0, false));
    for name in &names {
        assert!(ids(&storage, name).await.into_iter().eq((10..=EACH).step_by(10)), "{name}");
        assert_eq!(storage.last_id(&subject(name)).await, Ok(MessageId(EACH)));
    }
    storage.close().await.unwrap();
    drop(storage);
    let storage = scene.open(None).await.storage;
    assert!(ids(&storage, &names[0]).await.into_iter().eq((10..=EACH).step_by(10)));
    storage.close().await.unwrap();
    scene.end().await;
}

/// A row is kept for a day longer than its message lives, and a day more until every replica knows: so the
/// node is started again with a clock that is three days ahead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_expired_leaves_with_its_files() {
    const STORM: u64 = 60_000;
    const TABLE: &str = "messages_day";
    let mut node = Cassandra::start().await;
    let mut scene = Scene::on(node.address());
    (scene.config.times.lease, scene.config.times.unavailable) = (PATIENCE, PATIENCE);
    let keyspace = scene.config.keyspace.clone();
    let storage = scene.open(None).await.storage;
    let now = SystemTime.wall().0;
    let lived = |name: &str, id, seconds: i64| {
        let end = Some(now + seconds * SECOND);
        message(name, id, now, end, Headers::default(), vec![b'x'; 100])
    };
    for first in (1..=STORM).step_by(5_000) {
        let batch: Vec<_> = (first..first + 5_000).map(|id| lived("storm", id, 1)).collect();
        insist(&storage, &batch).await;
    }
    let stays = vec![lived("s", 1, 4 * DAY), lived("s", 2, 400 * DAY), kept("s", 3)];
    insist(&storage, &stays).await;
    drop(storage);
    // It writes its tables to files.
    node.stop().await;
    let before = node.table_bytes(&keyspace, TABLE);
    assert!(before > 100_000, "{before} bytes");

    node.restart_ahead(3 * DAY).await;
    // Each flush has it look for files that are over.
    let often =
        format!("ALTER TABLE \"{keyspace}\".{TABLE} WITH memtable_flush_period_in_ms = 500");
    node.cql(&often).await.unwrap();
    let storage = scene.open(None).await.storage;
    let (begun, mut next, mut after) = (Instant::now(), 0, before);
    while after > before / 10 {
        assert!(begun.elapsed() < LIMIT, "{after} of {before} bytes are still there");
        next += 1;
        insist(&storage, &[lived("next", next, 1)]).await;
        after = node.table_bytes(&keyspace, TABLE);
    }
    println!("{before} bytes before, {after} after {:?}", begun.elapsed());
    assert!(ids(&storage, "storm").await.is_empty());
    assert_eq!(ids(&storage, "s").await, [1, 2, 3], "nothing goes too early");
    // What told the last id may be gone with it: no id is used again all the same.
    assert!(storage.last_id(&subject("storm")).await.unwrap() >= MessageId(STORM));
    storage.close().await.unwrap();
}

/// How long each of so many appends takes, one after the other.
async fn latencies(storage: &Arc<dyn Storage>, last: &mut u64, count: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..count {
        *last += 1;
        let begun = Instant::now();
        insist(storage, &[kept("s", *last)]).await;
        times.push(begun.elapsed());
    }
    times
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
