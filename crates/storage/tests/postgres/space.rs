//! Space comes back, and nobody waits for it.

#![expect(clippy::print_stdout, reason = "what is measured beside is for whoever asks to see it")]

use super::given::{self, opened};
use crate::support::{kept, message, subject};
use broker_core::{Headers, Message, MessageId, Reclaimed, Storage, Timestamp};
use broker_storage::PostgresConfig;
use broker_test_servers::Postgres;
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

const SECOND: i64 = 1_000_000_000;

/// Settings for loads under which a statement may take long: slow is not away here.
fn config(address: SocketAddr) -> PostgresConfig {
    let mut config = given::config(address);
    config.times.statement = Duration::from_secs(30);
    config.times.unavailable = Duration::from_secs(30);
    config.times.lease = Duration::from_secs(60);
    config
}

/// Of a subject with so many others, in the first seconds, alive for ten seconds.
fn brief(id: u64, subjects: u64) -> Arc<Message> {
    let published_at = id as i64 % (3 * SECOND);
    let name = format!("brief {}", id % subjects);
    let expires_at = Some(published_at + 10 * SECOND);
    message(&name, id, published_at, expires_at, Headers::default(), vec![1; 100])
}

async fn reclaim_all(storage: &dyn Storage, now: i64) -> Reclaimed {
    let mut total = Reclaimed::default();
    loop {
        let part = storage.reclaim(Timestamp(now)).await.unwrap();
        total.messages += part.messages;
        total.bytes += part.bytes;
        if !part.more {
            return total;
        }
    }
}

async fn number(server: &Postgres, words: &str) -> i64 {
    server.sql(words).await[0][0].parse().unwrap()
}

const TABLES: &str = "SELECT count(*) FROM pg_tables \
    WHERE schemaname = 'given' AND tablename LIKE 'messages%'";

const BYTES: &str = "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c \
    JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'given' AND relkind = 'r'";

/// The median of how long lone appends take while something else goes on.
async fn append_time(storage: &dyn Storage, ids: std::ops::Range<u64>) -> Duration {
    let mut times = Vec::new();
    for id in ids {
        let began = Instant::now();
        storage.append(vec![kept("lasting", id)]).await.unwrap();
        times.push(began.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_transaction_holds_up_neither_appends_nor_other_tables() {
    let server = Postgres::start().await;
    let shortest_bucket = Duration::from_secs(1);
    let storage = opened(PostgresConfig { shortest_bucket, ..config(server.address()) }).await;
    let at = |second: i64| {
        let id = second as u64;
        message("s", id, 0, Some(second * SECOND), Headers::default(), "")
    };
    for second in 1..=6 {
        storage.append(vec![at(second)]).await.unwrap();
    }
    let tables = number(&server, TABLES).await;
    let reader = server.client("postgres").await;
    let first = "SELECT number FROM given.buckets ORDER BY ends_at LIMIT 1";
    let first = number(&server, first).await;
    reader.batch_execute("BEGIN").await.unwrap();
    reader.batch_execute(&format!("SELECT * FROM given.messages_{first}")).await.unwrap();
    reclaim_all(&*storage, 5 * SECOND).await;
    assert!(number(&server, TABLES).await < tables, "others are dropped");
    let held = format!("SELECT count(*) FROM pg_tables WHERE tablename = 'messages_{first}'");
    assert_eq!(number(&server, &held).await, 1, "it waits for its reader");
    // While it is tried again and again, what else there is goes on.
    let trying = async {
        for _ in 0..20 {
            reclaim_all(&*storage, 5 * SECOND).await;
        }
    };
    let ((), slowest) = tokio::join!(trying, async {
        let mut slowest = Duration::ZERO;
        for id in 1..=200 {
            let began = Instant::now();
            storage.append(vec![kept("lasting", id), at(100)]).await.unwrap();
            assert!(storage.last_id(&subject("s")).await.unwrap() >= MessageId(6));
            slowest = slowest.max(began.elapsed());
        }
        slowest
    });
    println!("slowest append and last id beside a held table: {slowest:?}");
    reader.batch_execute("COMMIT").await.unwrap();
    reclaim_all(&*storage, 5 * SECOND).await;
    assert_eq!(number(&server, &held).await, 0);
    assert_eq!(storage.last_id(&subject("s")).await, Ok(MessageId(100)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_expiries_give_all_space_back_and_disturb_nobody() {
    const MESSAGES: u64 = 1_000_000;
    const SUBJECTS: u64 = 1_000;
    let server = Postgres::start().await;
    let storage = opened(config(server.address())).await;
    storage.append(vec![kept("lasting", 1)]).await.unwrap();
    let before = number(&server, BYTES).await;
    let ids: Vec<u64> = (1..=MESSAGES).collect();
    let mut appends = std::collections::VecDeque::new();
    for part in ids.chunks(4_000) {
        let batch = part.iter().map(|id| brief(*id, SUBJECTS)).collect();
        appends.push_back(storage.append(batch));
        if appends.len() > 4 {
            appends.pop_front().unwrap().await.unwrap();
        }
    }
    for append in appends {
        append.await.unwrap();
    }
    let full = number(&server, BYTES).await;
    let quiet = append_time(&*storage, 2..200).await;
    let (reclaimed, busy) =
        tokio::join!(reclaim_all(&*storage, 1_000 * SECOND), append_time(&*storage, 200..400));
    let after = number(&server, BYTES).await;
    println!(
        "bytes: {before}, with a million {full}, after {after}; \
         lone appends: {quiet:?}, while the million went {busy:?}"
    );
    assert_eq!(reclaimed.messages, MESSAGES);
    assert!(reclaimed.bytes > 100 * MESSAGES, "{reclaimed:?}");
    // The last ids of a thousand subjects stay.
    assert!(after < before + 1_000_000, "{after} of {before} before");
    assert_eq!(storage.last_id(&subject("brief 7")).await, Ok(MessageId(MESSAGES - SUBJECTS + 7)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_new_subjects_are_kept_and_their_last_ids_stay() {
    const SUBJECTS: u64 = 1_000_000;
    let server = Postgres::start().await;
    let storage = opened(config(server.address())).await;
    let ids: Vec<u64> = (0..SUBJECTS).collect();
    for part in ids.chunks(8_000) {
        storage
            .append(part.iter().map(|id| brief(*id + SUBJECTS, SUBJECTS)).collect())
            .await
            .unwrap();
    }
    let last = |id: u64| (format!("brief {id}"), MessageId(id + SUBJECTS));
    for id in (0..SUBJECTS).step_by(99_991) {
        assert_eq!(storage.last_id(&subject(&last(id).0)).await, Ok(last(id).1));
    }
    let (began, mut longest, mut more) = (Instant::now(), Duration::ZERO, true);
    while more {
        let call = Instant::now();
        more = storage.reclaim(Timestamp(1_000 * SECOND)).await.unwrap().more;
        longest = longest.max(call.elapsed());
    }
    println!("merged and dropped in {:?}, the longest call took {longest:?}", began.elapsed());
    assert_eq!(number(&server, "SELECT count(*) FROM given.subjects").await, 1_000_000);
    for id in (0..SUBJECTS).step_by(99_991) {
        assert_eq!(storage.last_id(&subject(&last(id).0)).await, Ok(last(id).1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalog_of_the_database_does_not_grow() {
    let server = Postgres::start().await;
    let shortest_bucket = Duration::from_secs(1);
    let storage = opened(PostgresConfig { shortest_bucket, ..config(server.address()) }).await;
    let mut tables = 0;
    for second in 1..=120 {
        let (at, id) = (second * SECOND, second as u64);
        let brief = message("s", id, at, Some(at + 3 * SECOND), Headers::default(), "");
        storage.append(vec![brief]).await.unwrap();
        reclaim_all(&*storage, at).await;
        tables = tables.max(number(&server, TABLES).await);
    }
    assert!(tables <= 12, "few tables are there at once: {tables}");
    let rows = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace \
        WHERE nspname = 'given'";
    assert!(number(&server, rows).await < 100);
    assert_eq!(number(&server, "SELECT count(*) FROM given.subjects").await, 1);
}
