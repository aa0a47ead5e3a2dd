//! A back-up of the database that is made under load, and a broker over what is restored from it.

use crate::{
    calls::{self, Client},
    database::Kind,
    process::Broker,
    waiting::{PATIENCE, within},
};
use broker_test_servers::Postgres;
use std::{
    fs::File,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::{sync::Notify, task::JoinSet};

const SUBJECTS: [&str; 3] = ["orders", "bills", "ünïcode ✓"];
/// Of each subject, before the back-up begins.
const BEFORE: u64 = 300;
const SCHEMA: &str = "broker";

/// Publishers of a message after the other, one for each subject.
struct Load {
    /// The last id that each has an acknowledgement of.
    acked: [AtomicU64; SUBJECTS.len()],
    news: Notify,
    is_over: AtomicBool,
}

impl Load {
    async fn publish(self: Arc<Self>, client: Client, at: usize) {
        for number in 1.. {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            let message = calls::kept(SUBJECTS[at], number.to_string());
            let id = calls::publish(&client, message).await.expect("it is stored");
            self.acked[at].store(id, Ordering::Relaxed);
            self.news.notify_one();
        }
    }

    fn acked(&self) -> [u64; SUBJECTS.len()] {
        self.acked.each_ref().map(|id| id.load(Ordering::Relaxed))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_under_load_has_all_that_was_acknowledged_before() {
    let server = Postgres::start().await;
    server.create_database("restored").await;
    let launch = Kind::Postgres.launch(server.address()).with("--postgres-schema", SCHEMA);
    let broker = Broker::start(&launch).await;
    let (acked, news, is_over) = Default::default();
    let (load, mut publishers) = (Arc::new(Load { acked, news, is_over }), JoinSet::new());
    for at in 0..SUBJECTS.len() {
        publishers.spawn(load.clone().publish(calls::connect(broker.address).await, at));
    }
    within(PATIENCE, "messages before the back-up", async {
        while load.acked().iter().any(|id| *id < BEFORE) {
            load.news.notified().await;
        }
    })
    .await;

    let before = load.acked();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("broker.dump");
    let mut dump = server.tool("pg_dump");
    dump.args(["--format=custom", "--schema", SCHEMA, "postgres"]);
    succeeds(dump.stdout(File::create(&file).expect("its folder can be written"))).await;
    let after = load.acked();
    load.is_over.store(true, Ordering::Relaxed);
    within(PATIENCE, "publishers end", publishers.join_all()).await;
    let mut restore = server.tool("pg_restore");
    restore.args(["--exit-on-error", "--dbname", "restored"]);
    succeeds(restore.stdin(File::open(&file).expect("it was written"))).await;

    // The one that was backed up goes on beside it; its lease is in the back-up, too, and must be over first.
    let second = Broker::start(&launch.with("--postgres-database", "restored")).await;
    let client = calls::connect(second.address).await;
    for ((subject, before), after) in SUBJECTS.into_iter().zip(before).zip(after) {
        let shown = calls::replay(&client, subject, 1).await;
        let last = shown.last().expect("what is kept").id;
        // One may have been acknowledged unseen while each of the two numbers was read.
        assert!((before..=after + 1).contains(&last), "{subject}: {before}, {last}, {after}");
        assert!(shown.iter().all(|it| it.body == it.id.to_string()), "{subject}: {shown:?}");
        let ids = shown.iter().map(|it| it.id);
        assert!(ids.eq(1..=last), "{subject}: a hole up to {last}");
    }
}

/// Runs a program to its end, which must be a good one.
async fn succeeds(command: &mut Command) {
    let child = command.stderr(Stdio::inherit()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let ended = tokio::task::spawn_blocking(move || child.wait());
    let status = within(PATIENCE, "a program ends", ended).await.expect("no panic");
    assert!(status.expect("a child can be waited for").success(), "{command:?}");
}
