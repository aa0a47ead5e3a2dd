//! A disk that is full, and has room again.

use crate::{
    audit::Auditor,
    body::Key,
    calls::{self, Client},
    entry::{Entry, Lifetime, Outcome},
    launch::Launch,
    process::Broker,
    tmpfs::Tmpfs,
    waiting::until,
};
use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tonic::{Code, Status};

const DISK_MEBIBYTES: u32 = 64;
const FILLER_BYTES: usize = 24 * 1024 * 1024;
const MESSAGE_BYTES: usize = 64 * 1024;
/// More than fits.
const MOST_MESSAGES: u64 = 2_000;
/// How soon the broker must see that there is room.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_file_makes_room() {
    let disk = Tmpfs::mount(DISK_MEBIBYTES);
    let filler = disk.path().join("filler");
    fs::write(&filler, vec![1; FILLER_BYTES]).expect("room for the filler");
    let launch = on(disk.path());
    let mut broker = Broker::start(&launch).await;
    let client = calls::connect(broker.address).await;
    let mut publisher = Publisher::new(Lifetime::Kept);
    publisher.fill(&client).await;
    works_while_full(&client).await;

    broker.kill();
    let broker = Broker::start(&launch).await;
    let client = calls::connect(broker.address).await;
    works_while_full(&client).await;
    fs::remove_file(filler).expect("it is there");
    publisher.waits_for_room(&client).await;
    publisher.audit(&client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expiry_makes_room() {
    let disk = Tmpfs::mount(DISK_MEBIBYTES);
    let launch = on(disk.path());
    let broker = Broker::start(&launch).await;
    let client = calls::connect(broker.address).await;
    let mut publisher = Publisher::new(Lifetime::For(Duration::from_secs(4)));
    // Twice, so that what was given back is used again.
    for _ in 0..2 {
        publisher.fill(&client).await;
        publisher.waits_for_room(&client).await;
    }
    publisher.audit(&client).await;
}

fn on(disk: &Path) -> Launch {
    Launch::local(&disk.join("broker"))
}

/// Reading and what is not stored go on.
async fn works_while_full(client: &Client) {
    let first = calls::fetch(client, "bulk", 1).await.expect("what is stored can be fetched");
    assert_eq!(first.id, 1);
    let mut stream = calls::subscribe(client, "bulk", 0).await.expect("a subscription");
    for _ in 0..50 {
        calls::next(&mut stream).await.expect("what is stored can be read");
    }
    let mut request = calls::kept("not stored", "x");
    request.keep = false;
    assert_eq!(calls::publish(client, request).await.expect("delivered only"), 0);
}

/// Publishes large messages to one subject and remembers them.
struct Publisher {
    subject: Arc<str>,
    lifetime: Lifetime,
    entries: Vec<Entry>,
}

impl Publisher {
    fn new(lifetime: Lifetime) -> Self {
        Self { subject: "bulk".into(), lifetime, entries: Vec::new() }
    }

    /// Until the broker says that it is full, in the way of the contract.
    async fn fill(&mut self, client: &Client) {
        for _ in 0..MOST_MESSAGES {
            if let Err(status) = self.publish(client).await {
                assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
                assert_eq!(calls::reason(&status), "OVERLOADED");
                assert!(calls::retry_after(&status).is_some(), "{status:?}");
                assert!(self.entries.len() > 50, "full after {} messages", self.entries.len());
                return;
            }
        }
        panic!("{MOST_MESSAGES} messages of {MESSAGE_BYTES} bytes fit a small disk");
    }

    async fn waits_for_room(&mut self, client: &Client) {
        until(SOON, "the broker stores again", async || self.publish(client).await.ok()).await;
    }

    async fn publish(&mut self, client: &Client) -> Result<u64, Status> {
        let key = Key { publisher: 1, number: self.entries.len() as u64 + 1 };
        let mut entry = Entry::new(key, &self.subject, self.lifetime);
        let answer = calls::publish(client, entry.request(MESSAGE_BYTES)).await;
        entry.outcome = match &answer {
            Ok(id) => Outcome::Acked { id: *id, at: SystemTime::now() },
            Err(_) => Outcome::Refused,
        };
        self.entries.push(entry);
        answer
    }

    async fn audit(self, client: &Client) {
        let mut auditor = Auditor::default();
        auditor.add(self.entries);
        let verdict = auditor.audit(client).await;
        println!("{verdict}");
        assert!(verdict.is_good(), "{verdict}");
    }
}
