//! Getting in: passwords, certificates, poolers, versions, rights.

use super::given::{config, opened, refusal, try_open, watched};
use crate::support::{kept, subject};
use broker_core::MessageId;
use broker_storage::{OpenObserver, PostgresConfig, Secret, Tls};
use broker_test_servers::{Authority, PgBouncer, PoolMode, Postgres};
use std::{sync::Mutex, time::Duration};

async fn works(config: PostgresConfig) {
    let storage = opened(config).await;
    storage.append(vec![kept("s", 1)]).await.unwrap();
    assert!(storage.fetch(&subject("s"), MessageId(1)).await.unwrap().is_some());
    storage.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_right_password_opens_and_a_wrong_one_is_told_at_once() {
    let server = Postgres::setup().password("secret of the test").start().await;
    let with = |password: Option<&str>| PostgresConfig {
        password: password.map(Secret::new),
        ..config(server.address())
    };
    for wrong in [Some("another"), None] {
        let sentence = refusal(with(wrong)).await;
        assert!(sentence.contains("password"), "{sentence}");
        assert!(!sentence.contains("another"), "{sentence}");
    }
    works(with(Some("secret of the test"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_certificate_that_is_right_opens() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let right = Postgres::setup().tls(&authority.issue(&["127.0.0.1"])).start().await;
    let other_name = Postgres::setup().tls(&authority.issue(&["elsewhere.test"])).start().await;
    let with = |server: &Postgres, tls| PostgresConfig { tls, ..config(server.address()) };
    let trusting = |authority: &Authority| Tls::VerifyFull(Some(authority.file()));
    works(with(&right, trusting(&authority))).await;
    for config in [
        with(&right, trusting(&stranger)),
        with(&right, Tls::VerifyFull(None)),
        with(&other_name, trusting(&authority)),
    ] {
        let sentence = refusal(config).await;
        assert!(sentence.contains("certificate"), "{sentence}");
    }
    // It takes nobody without (as PostgreSQL 13 says it, and later ones).
    let sentence = refusal(with(&right, Tls::Off)).await;
    let is_told = ["SSL off", "no encryption"].iter().any(|words| sentence.contains(words));
    assert!(is_told, "{sentence}");
    let plain = Postgres::start().await;
    let sentence = refusal(with(&plain, trusting(&authority))).await;
    assert!(sentence.contains("TLS"), "{sentence}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_pooler_works_and_a_transaction_pooler_is_told() {
    let server = Postgres::start().await;
    let pooler = PgBouncer::before(&server, PoolMode::Session).await;
    works(config(pooler.address())).await;
    let pooler = PgBouncer::before(&server, PoolMode::Transaction).await;
    let sentence = refusal(config(pooler.address())).await;
    assert!(sentence.contains("pool_mode = session"), "{sentence}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_schema_is_left_alone() {
    let server = Postgres::start().await;
    works(config(server.address())).await;
    server.sql("UPDATE given.schema_version SET version = 99").await;
    let sentence = refusal(config(server.address())).await;
    assert!(sentence.contains("99") && sentence.contains("newer broker"), "{sentence}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_rights_are_named() {
    let server = Postgres::start().await;
    server.sql("CREATE USER guest").await;
    let guest = || PostgresConfig { user: "guest".into(), ..config(server.address()) };
    let sentence = refusal(guest()).await;
    assert!(sentence.contains("GRANT USAGE, CREATE ON SCHEMA \"given\""), "{sentence}");
    server.sql("CREATE SCHEMA given").await;
    server.sql("GRANT USAGE ON SCHEMA given TO guest").await;
    let sentence = refusal(guest()).await;
    assert!(sentence.contains("GRANT USAGE, CREATE ON SCHEMA \"given\""), "{sentence}");
    server.sql("GRANT CREATE ON SCHEMA given TO guest").await;
    works(guest()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_weakens_an_acknowledgement_is_told() {
    let server = Postgres::setup().setting("fsync=off").start().await;
    let warnings = try_open(config(server.address())).await.unwrap().warnings;
    assert!(warnings.len() == 1 && warnings[0].contains("fsync"), "{warnings:?}");
    // What a session can mend itself is no reason to warn.
    let server = Postgres::setup().setting("synchronous_commit=off").start().await;
    let opened = try_open(config(server.address())).await.unwrap();
    assert_eq!(opened.warnings, Vec::<String>::new());
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl OpenObserver for Heard {
    fn reached(&self, step: &str) {
        self.0.lock().unwrap().push(step.to_owned());
    }

    fn away(&self, why: &str) {
        self.0.lock().unwrap().push(format!("away: {why}"));
    }

    fn standing_by(&self, owner: &str) {
        self.0.lock().unwrap().push(format!("standing by: {owner}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_is_waited_for_and_given_up() {
    let mut server = Postgres::start().await;
    server.kill();
    let mut config = config(server.address());
    config.times.start = Duration::from_millis(700);
    let heard = Heard::default();
    let error = watched(config.clone(), &heard).await.unwrap_err();
    assert!(error.to_string().contains("no connection to PostgreSQL"), "{error}");
    assert!(heard.0.lock().unwrap().len() > 1, "it tried again");
    config.times.start = Duration::from_secs(60);
    let heard = Heard::default();
    let (opened, ()) = tokio::join!(watched(config, &heard), server.restart());
    opened.unwrap();
    let heard = heard.0.into_inner().unwrap();
    let told = |words: &str| heard.iter().any(|step| step.starts_with(words));
    for words in ["away", "connected to PostgreSQL at 127.0.0.1 on port", "schema ready"] {
        assert!(told(words), "{words}: {heard:?}");
    }
    assert!(told("recovered last ids") && told("expired messages dealt with"), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_brokers_that_start_at_once_each_owns_the_store_in_turn() {
    const BROKERS: u64 = 5;
    let server = Postgres::start().await;
    let brokers: Vec<_> = (1..=BROKERS)
        .map(|id| {
            let config = config(server.address());
            tokio::spawn(async move {
                let storage = opened(config).await;
                let last = storage.last_id(&subject("s")).await.unwrap().0;
                storage.append(vec![kept("s", last + 1), kept("by", id)]).await.unwrap();
                storage.close().await.unwrap();
            })
        })
        .collect();
    for broker in brokers {
        broker.await.unwrap();
    }
    let storage = opened(config(server.address())).await;
    assert_eq!(storage.last_id(&subject("s")).await, Ok(MessageId(BROKERS)));
}
