//! A network that fails at any byte.

use super::given::{Fate, TIMES, check, config, opened, publish, publish_all};
use crate::support::kept;
use broker_core::{AppendError, Writable};
use broker_test_servers::{Direction, Postgres, Proxy};
use std::time::{Duration, Instant};

/// Where the connection of one append is cut, byte by byte over the whole exchange.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_cut_at_any_byte_is_kept_once() {
    let server = Postgres::start().await;
    let proxy = Proxy::before(server.address()).await;
    let storage = opened(config(proxy.address())).await;
    let mut fates = vec![publish(&*storage, kept("s", 1)).await];
    for direction in [Direction::Up, Direction::Down] {
        for bytes in (0..24).chain((24..400).step_by(23)) {
            proxy.cut_after_next(direction, bytes);
            let id = fates.len() as u64 + 1;
            fates.push(publish(&*storage, kept("s", id)).await);
        }
    }
    check(&*storage, "s", &fates).await;
    let stored = fates.iter().filter(|fate| **fate == Fate::Stored).count();
    assert!(stored * 2 > fates.len(), "most of {} are kept in the end: {stored}", fates.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_publishers_live_through_cuts() {
    let server = Postgres::start().await;
    let proxy = Proxy::before(server.address()).await;
    let storage = opened(config(proxy.address())).await;
    let publishers: Vec<_> =
        (0..8).map(|n| tokio::spawn(publish_all(storage.clone(), format!("s{n}"), 150))).collect();
    let mut cut_at = 1_000;
    while publishers.iter().any(|publisher| !publisher.is_finished()) {
        let passed = proxy.passed(Direction::Up);
        if passed > cut_at {
            proxy.cut();
            cut_at = passed + 20_000;
        }
        tokio::task::yield_now().await;
    }
    for (n, publisher) in publishers.into_iter().enumerate() {
        check(&*storage, &format!("s{n}"), &publisher.await.unwrap()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_says_nothing_is_unknown_and_then_unavailable() {
    let server = Postgres::start().await;
    let proxy = Proxy::before(server.address()).await;
    let storage = opened(config(proxy.address())).await;
    assert_eq!(publish(&*storage, kept("s", 1)).await, Fate::Stored);
    proxy.swallow(Direction::Down);
    let began = Instant::now();
    let sent: Vec<_> =
        (2..=5).map(|id| storage.append(vec![kept(&format!("s{id}"), id)])).collect();
    for answer in sent {
        let answer = answer.await;
        assert!(
            matches!(answer, Err(AppendError::Unknown(_) | AppendError::Unavailable(_))),
            "{answer:?}"
        );
    }
    // A writer that had nothing to do finds out by its own statement.
    let answer = loop {
        match storage.append(vec![kept("waits", 1)]).await {
            Err(AppendError::Unknown(_)) => {}
            answer => break answer,
        }
    };
    assert!(matches!(answer, Err(AppendError::Unavailable(_))), "{answer:?}");
    // Each of four writers at most once after the other.
    let limit = (TIMES.statement + TIMES.unavailable) * 6;
    assert!(began.elapsed() < limit, "{:?}", began.elapsed());
    assert!(matches!(storage.writable(), Writable::Unavailable(_)));
    proxy.pass(Direction::Down);
    proxy.cut();
    while publish(&*storage, kept("s", 2)).await != Fate::Stored {}
    assert_eq!(storage.writable(), Writable::Yes);
}

// One thread: nothing is answered before all calls are made.
#[tokio::test]
async fn what_waits_for_a_database_that_is_away_is_bounded_in_time_and_bytes() {
    let server = Postgres::start().await;
    let proxy = Proxy::before(server.address()).await;
    let mut config = config(proxy.address());
    config.queue_bytes = 100_000;
    let storage = opened(config).await;
    assert_eq!(publish(&*storage, kept("s", 1)).await, Fate::Stored);
    proxy.go_away().await;
    let began = Instant::now();
    let calls: Vec<_> = (2..1_000).map(|id| storage.append(vec![kept("s", id)])).collect();
    let mut full = 0;
    for call in calls {
        match call.await {
            Err(AppendError::Full("database queue bytes")) => full += 1,
            Err(AppendError::Unavailable(_) | AppendError::Unknown(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(full > 500, "the bound holds: {full}");
    assert!(began.elapsed() < TIMES.unavailable + Duration::from_secs(5), "{:?}", began.elapsed());
    proxy.accept().await;
    while publish(&*storage, kept("s", 1_000)).await != Fate::Stored {}
}
