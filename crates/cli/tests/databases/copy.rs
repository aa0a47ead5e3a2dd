//! `broker copy` into a database and out of it again.

use broker_core::{
    Headers, Message, MessageId, Page, Storage, Stored, Subject, SubjectSummary, Timestamp,
};
use broker_storage::{LocalConfig, LocalStorage};
use broker_test_servers::shared;
use bytes::Bytes;
use std::{
    env,
    ffi::OsString,
    ops::Bound,
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
};
use tempfile::TempDir;

/// Of a subject, when many are needed.
const MANY: u64 = 20_000;
/// After every test.
const IN_A_CENTURY: Timestamp = Timestamp(4_900_000_000_123_456_789);
const LONG_AGO: Timestamp = Timestamp(1_000_000_000_123_456_789);

/// Where a database keeps what a test copies.
struct Database {
    kind: &'static str,
    settings: Vec<String>,
}

fn postgres(schema: &str) -> Database {
    let (address, schema) = (shared::postgres(), unique(schema));
    let settings = vec![
        format!("postgres-host={}", address.ip()),
        format!("postgres-port={}", address.port()),
        "postgres-user=postgres".into(),
        "postgres-database=postgres".into(),
        format!("postgres-schema={schema}"),
        "lease=4s".into(),
        "database-statement-timeout=3s".into(),
        "database-connect-timeout=3s".into(),
    ];
    Database { kind: "postgres", settings }
}

fn cassandra(keyspace: &str) -> Database {
    let (address, keyspace) = (shared::cassandra(), unique(keyspace));
    let settings = vec![
        format!("cassandra-hosts={}", address.ip()),
        format!("cassandra-port={}", address.port()),
        format!("cassandra-keyspace={keyspace}"),
    ];
    Database { kind: "cassandra", settings }
}

/// A name that no other run of the tests uses.
fn unique(name: &str) -> String {
    format!("copy_{}_{name}", std::process::id())
}

fn binary() -> OsString {
    env::var_os("BROKER_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_broker").into())
}

impl Database {
    fn side(&self, side: &str) -> Vec<String> {
        let set = self.settings.iter().map(|pair| format!("--{side}-set={pair}"));
        [format!("--{side}={}", self.kind)].into_iter().chain(set).collect()
    }
}

fn local(side: &str, folder: &Path) -> Vec<String> {
    vec![format!("--{side}=local"), format!("--{side}-set=data-dir={}", folder.display())]
}

fn copy(from: Vec<String>, to: Vec<String>) -> Command {
    let mut command = Command::new(binary());
    // Nothing of the machine's settings reaches the test.
    command.env_clear().env("BROKER_CONFIG", "/dev/null").current_dir(env::temp_dir());
    command.arg("copy").args(from).args(to).stdin(Stdio::null());
    command
}

/// What it said, after it ended well.
fn said(command: &mut Command) -> String {
    let Output { status, stderr, .. } = command.output().expect("a run");
    let said = String::from_utf8(stderr).expect("text");
    assert!(status.success(), "{status}: {said}");
    said
}

fn message(name: &str, id: u64, body: &[u8], expires_at: Option<Timestamp>) -> Arc<Message> {
    let headers = Headers::from_pairs([("k\u{e9}y", "v'alue")]).expect("headers");
    let published_at = Timestamp(1_700_000_000_123_456_789 + id.cast_signed());
    let (subject, body) = (Subject::new(name).expect("a subject"), Bytes::copy_from_slice(body));
    Arc::new(Message::new(subject, MessageId(id), published_at, expires_at, headers, body))
}

/// Fills a store on disk: gaps, large and empty bodies, hostile names, all lifetimes.
async fn stock(folder: &Path) {
    let (store, _) = LocalStorage::open(&LocalConfig::new(folder)).expect("a store");
    let name = "'; drop schema broker; --\u{202e}\"";
    let mut messages: Vec<_> =
        (1..=MANY).map(|id| message("many", id, &id.to_le_bytes(), None)).collect();
    messages.extend([2, 3, 5].map(|id| message(name, id, b"", Some(IN_A_CENTURY))));
    messages.push(message("large", 9, &vec![b'x'; 3 << 20], None));
    messages.push(message("mixed", 1, b"gone", Some(LONG_AGO)));
    messages.push(message("mixed", 7, b"here", Some(IN_A_CENTURY)));
    messages.push(message("mixed", 8, b"gone", Some(LONG_AGO)));
    messages.push(message("over", 1_000_000, b"gone", Some(LONG_AGO)));
    store.append(messages).await.expect("stored");
    store.close().await.expect("closed");
}

/// All that a store on disk keeps, but for what has expired.
async fn kept(folder: &Path) -> Vec<(SubjectSummary, Vec<Stored>)> {
    let (store, _) = LocalStorage::open(&LocalConfig::new(folder)).expect("a store");
    let mut all = Vec::new();
    for summary in store.subjects(Bound::Unbounded, 1_000).await.expect("subjects") {
        let (mut messages, mut next) = (Vec::new(), Some(MessageId::NONE));
        while let Some(after) = next {
            let page = store.read_after(&summary.subject, after, 1 << 20).await.expect("a page");
            let Page { messages: page, next: behind } = page;
            messages.extend(page.into_iter().filter(|stored| match stored {
                Stored::Message(message) => message.expires_at.is_none_or(|at| at >= IN_A_CENTURY),
                Stored::Damaged(_) => true,
            }));
            next = behind;
        }
        all.push((summary, messages));
    }
    store.close().await.expect("closed");
    all
}

/// There and back again, twice.
async fn round_trip(database: Database) {
    let (begin, end) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    stock(begin.path()).await;
    let written = MANY + 5;
    let told = said(&mut copy(local("from", begin.path()), database.side("to")));
    assert!(told.contains(&format!("{written} were written, 0 were there")), "{told}");
    let again = said(&mut copy(local("from", begin.path()), database.side("to")));
    assert!(again.contains(&format!("0 were written, {written} were there")), "{again}");
    said(&mut copy(database.side("from"), local("to", end.path())));
    assert_eq!(kept(begin.path()).await, kept(end.path()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_survives_postgres() {
    round_trip(postgres("trip")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_survives_cassandra() {
    round_trip(cassandra("trip")).await;
}

/// Each start waits for the lease of the one that was killed.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_into_postgres_goes_on_after_any_kill() {
    let database = postgres("kill");
    let schema = unique("kill");
    let (begin, end) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    stock(begin.path()).await;
    let count = format!(
        "SELECT coalesce(sum((xpath('/row/c/text()', query_to_xml(format('SELECT count(*) AS c FROM \
         %I.%I', schemaname, tablename), false, true, '')))[1]::text::bigint), 0) FROM pg_tables \
         WHERE schemaname = '{schema}'"
    );
    for least in [1, 4_000, 12_000] {
        let mut command = copy(local("from", begin.path()), database.side("to"));
        let mut copying = command.stderr(Stdio::null()).spawn().expect("a run");
        // It may come to its end before it is seen.
        while copying.try_wait().expect("a child").is_none() {
            let rows: u64 = shared::sql(&count).await[0][0].parse().expect("a number");
            if rows >= least {
                break;
            }
        }
        copying.kill().expect("killed");
        copying.wait().expect("gone");
    }
    said(&mut copy(local("from", begin.path()), database.side("to")));
    said(&mut copy(database.side("from"), local("to", end.path())));
    assert_eq!(kept(begin.path()).await, kept(end.path()).await);
}
