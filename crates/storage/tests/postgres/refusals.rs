//! What the database does not take fails its publisher only.

use super::given::{config, opened};
use crate::support::{kept, subject, with_body};
use broker_core::{AppendError, Appended, MessageId, Writable};
use broker_test_servers::Postgres;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_a_check_refuses_harms_no_other() {
    let server = Postgres::start().await;
    let storage = opened(config(server.address())).await;
    // Makes the table.
    storage.append(vec![kept("s", 1)]).await.unwrap();
    let tables = "SELECT 'given.messages_' || number FROM given.buckets";
    let table = server.sql(tables).await[0][0].clone();
    server.sql(&format!("ALTER TABLE {table} ADD CHECK (body <> 'bad'::bytea)")).await;
    let bad = |id: u64| id.is_multiple_of(37) || id == 500;
    let batch = |ids: std::ops::RangeInclusive<u64>| {
        ids.map(|id| with_body("s", id, if bad(id) { "bad" } else { "good" })).collect::<Vec<_>>()
    };
    // One call, and many that go together.
    let whole = storage.append(batch(2..=400));
    let single: Vec<_> = (401..=600).map(|id| storage.append(batch(id..=id))).collect();
    let words = whole.await.unwrap();
    for (id, word) in (2..).zip(&words) {
        assert_eq!(matches!(word, Appended::Refused(_)), bad(id), "{id}: {word:?}");
        assert_eq!(*word == Appended::Stored, !bad(id), "{id}: {word:?}");
    }
    for (id, answer) in (401..).zip(single) {
        let words = answer.await.unwrap();
        assert_eq!(matches!(words[0], Appended::Refused(_)), bad(id), "{id}: {words:?}");
    }
    assert_eq!(storage.writable(), Writable::Yes);
    for id in 2..=600 {
        let found = storage.fetch(&subject("s"), MessageId(id)).await.unwrap();
        assert_eq!(found.is_none(), bad(id), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_no_column_holds_is_refused() {
    let server = Postgres::start().await;
    let storage = opened(config(server.address())).await;
    let words = storage.append(vec![kept("s", 1), kept("s", u64::MAX)]).await.unwrap();
    assert!(matches!(&words[..], [Appended::Stored, Appended::Refused(_)]), "{words:?}");
    assert!(storage.fetch(&subject("s"), MessageId(u64::MAX)).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_takes_no_writes_for_a_while_is_unavailable_and_comes_back() {
    let server = Postgres::start().await;
    let storage = opened(config(server.address())).await;
    storage.append(vec![kept("s", 1)]).await.unwrap();
    server.sql("ALTER SYSTEM SET default_transaction_read_only = on").await;
    server.sql("SELECT pg_reload_conf()").await;
    loop {
        match storage.append(vec![kept("s", 2)]).await {
            Err(AppendError::Unavailable(why)) => break assert!(why.contains("25006"), "{why}"),
            // It has not heard of it yet.
            other => assert_eq!(other, Ok(vec![Appended::Stored])),
        }
    }
    assert!(matches!(storage.writable(), Writable::Unavailable(_)));
    assert!(storage.fetch(&subject("s"), MessageId(1)).await.unwrap().is_some(), "reads go on");
    let back =
        "SET default_transaction_read_only = off; ALTER SYSTEM RESET default_transaction_read_only";
    let client = server.client("postgres").await;
    for statement in back.split(';') {
        client.batch_execute(statement).await.unwrap();
    }
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    while storage.append(vec![kept("s", 3)]).await != Ok(vec![Appended::Stored]) {}
    assert_eq!(storage.writable(), Writable::Yes);
}
