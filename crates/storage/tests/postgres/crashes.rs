//! A database whose sessions end, and which ends itself, under load.

use super::given::{check, config, opened, publish_all};
use broker_test_servers::Postgres;

/// What ends sessions by chance; deterministic, so that a failure can be seen again.
const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE application_name = 'broker' AND pid % 3 = ";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_are_ended_at_any_moment_lose_nothing() {
    let server = Postgres::start().await;
    let storage = opened(config(server.address())).await;
    let publishers: Vec<_> =
        (0..6).map(|n| tokio::spawn(publish_all(storage.clone(), format!("s{n}"), 200))).collect();
    let client = server.client("postgres").await;
    let mut round = 0;
    while publishers.iter().any(|publisher| !publisher.is_finished()) {
        round += 1;
        client.batch_execute(&format!("{TERMINATE} {}", round % 3)).await.unwrap();
        client.batch_execute("SELECT pg_sleep(0.05)").await.unwrap();
    }
    assert!(round > 1, "sessions were ended under load");
    for (n, publisher) in publishers.into_iter().enumerate() {
        check(&*storage, &format!("s{n}"), &publisher.await.unwrap()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_under_load_loses_nothing() {
    let mut server = Postgres::start().await;
    let storage = opened(config(server.address())).await;
    let publishers: Vec<_> =
        (0..6).map(|n| tokio::spawn(publish_all(storage.clone(), format!("s{n}"), 300))).collect();
    for round in 1..=3u64 {
        // Under way: some were stored since the last time.
        while storage.last_id(&crate::support::subject("s0")).await.map_or(0, |id| id.0)
            < round * 40
        {}
        server.kill();
        server.restart().await;
    }
    for (n, publisher) in publishers.into_iter().enumerate() {
        check(&*storage, &format!("s{n}"), &publisher.await.unwrap()).await;
    }
}
