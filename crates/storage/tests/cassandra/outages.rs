//! A network and a node that fail.

use super::scene::{Scene, ids, insist};
use crate::support::{kept, message, subject};
use broker_core::{AppendError, Appended, Headers, MessageId, Writable};
use broker_storage::DatabaseTimes;
use broker_test_servers::{Cassandra, Direction};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// The network is cut at some byte of an append, in some direction, and again while it is repeated.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_is_cut_anywhere_is_stored_once() {
    let scene = Scene::shared();
    let network = scene.network().await;
    let storage = scene.open(Some(&network)).await.storage;
    let mut unknown = 0;
    for round in 0..40u64 {
        let direction = if round % 2 == 0 { Direction::Up } else { Direction::Down };
        // Up: within two batches and what goes before them; down: within their answers.
        let bytes = if round % 2 == 0 { round * 37 } else { round * 3 };
        let first = round * 10 + 1;
        let batch: Vec<_> = (first..first + 10)
            .map(|id| {
                let lifetime = if id % 2 == 0 { None } else { Some(1_800_000_000_000_000_000) };
                let at = 1_790_000_000_000_000_000;
                message("s", id, at, lifetime, Headers::default(), format!("{id}"))
            })
            .collect();
        network.cut_after_next(direction, bytes);
        unknown += insist(&storage, &batch).await;
        for message in &batch {
            let found = storage.fetch(&subject("s"), message.id).await;
            assert!(found.as_ref().is_ok_and(|found| found.as_ref() == Some(message)), "{found:?}");
        }
    }
    assert!(unknown > 10, "it was cut {unknown} times");
    assert!(ids(&storage, "s").await.into_iter().eq(1..=400));
    drop(storage);
    let storage = scene.open(None).await.storage;
    assert!(ids(&storage, "s").await.into_iter().eq(1..=400));
    storage.close().await.unwrap();
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_is_unavailable_and_comes_back() {
    let scene = Scene::shared();
    let network = scene.network().await;
    let storage = scene.open(Some(&network)).await.storage;
    insist(&storage, &[kept("s", 1)]).await;
    network.go_away().await;
    let is_known = |error: &AppendError| {
        matches!(error, AppendError::Unavailable(_) | AppendError::Unknown(_))
    };
    // The driver has two connections, and each that was cut may leave one unknown; then nothing leaves any
    // more.
    for id in [2, 3] {
        let refused = storage.append(vec![kept("s", id)]).await;
        assert!(refused.as_ref().is_err_and(is_known), "{refused:?}");
    }
    let refused = storage.append(vec![kept("s", 4)]).await;
    assert!(matches!(refused, Err(AppendError::Unavailable(_))), "{refused:?}");
    assert!(matches!(storage.writable(), Writable::Unavailable(_)));
    network.accept().await;
    insist(&storage, &[kept("s", 2), kept("s", 3), kept("s", 4)]).await;
    assert_eq!(storage.writable(), Writable::Yes);
    assert_eq!(ids(&storage, "s").await, [1, 2, 3, 4]);
    storage.close().await.unwrap();
    scene.end().await;
}

/// Acknowledged is there, after the node was killed in the middle of writing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_killed_under_load_loses_nothing() {
    let mut node = Cassandra::setup().start().await;
    let mut scene = Scene::on(node.address());
    scene.config.times = DatabaseTimes { lease: Duration::from_secs(10), ..scene.config.times };
    let storage = scene.open(None).await.storage;
    let stored = Arc::new(AtomicU64::new(0));
    let writers: Vec<_> = (0..4u64)
        .map(|n| {
            let (storage, stored) = (storage.clone(), stored.clone());
            tokio::spawn(async move {
                for id in 1..=600 {
                    insist(&storage, &[kept(&format!("s{n}"), id)]).await;
                    stored.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    while stored.load(Ordering::Relaxed) < 400 {
        tokio::task::yield_now().await;
    }
    node.kill();
    node.restart().await;
    for writer in writers {
        writer.await.unwrap();
    }
    for n in 0..4 {
        assert!(ids(&storage, &format!("s{n}")).await.into_iter().eq(1..=600), "{n}");
    }
    storage.close().await.unwrap();
}

/// A node that hangs says "timeout" when it wakes up, and may have stored it all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_hangs_leaves_outcomes_unknown_until_they_are_known() {
    let mut node = Cassandra::setup().start().await;
    let mut scene = Scene::on(node.address());
    let statement = Duration::from_millis(800);
    let lease = Duration::from_secs(10);
    scene.config.times = DatabaseTimes { statement, lease, ..scene.config.times };
    let storage = scene.open(None).await.storage;
    insist(&storage, &[kept("s", 1)]).await;
    node.pause();
    let word = storage.append(vec![kept("s", 2)]).await;
    assert!(matches!(word, Err(AppendError::Unknown(_))), "{word:?}");
    assert!(storage.is_owner());
    node.resume();
    insist(&storage, &[kept("s", 2)]).await;
    assert_eq!(ids(&storage, "s").await, [1, 2]);
    storage.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_the_server_refuses_harms_no_other() {
    let node = Cassandra::setup().setting("max_mutation_size: 1MiB").start().await;
    let scene = Scene::on(node.address());
    let storage = scene.open(None).await.storage;
    let sized = |id, bytes| message("s", id, 1, None, Headers::default(), vec![7; bytes]);
    let batch = vec![sized(1, 10), sized(2, 3 << 20), sized(3, 900_000), sized(4, 10)];
    let words = storage.append(batch).await.unwrap();
    assert_eq!([&words[0], &words[2], &words[3]], [&Appended::Stored; 3]);
    assert!(matches!(words[1], Appended::Refused(_)), "{words:?}");
    assert_eq!(ids(&storage, "s").await, [1, 3, 4]);
    assert_eq!(storage.last_id(&subject("s")).await, Ok(MessageId(4)));
    storage.close().await.unwrap();
}
