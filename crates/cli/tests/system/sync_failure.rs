//! A disk whose syncs fail, and crashes in the middle of a sync.

use crate::{
    calls::{self, Client},
    chance::{Chance, seed},
    entry::{Entry, Lifetime},
    failing_syncs::{FailingSyncs, SYNCS},
    launch::Launch,
    process::Broker,
    publisher::Publisher,
    waiting::{PATIENCE, timed},
};
use futures_util::future::join_all;
use std::time::Duration;
use tempfile::TempDir;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

/// After how many syncs the process is killed.
const CRASH_POINTS: std::ops::RangeInclusive<u64> = 1..=12;
const MOST_MESSAGES: u64 = 200;
const BYTES: usize = 100;
/// What a poor disk takes.
const SLOW_SYNC: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_closes_the_store_to_writing() {
    let folder = TempDir::new().expect("a folder");
    let launch = Launch::local(folder.path());
    let mut broker = Broker::start(&launch).await;
    let client = calls::connect(broker.address).await;
    let mut publisher = Publisher::default();
    for _ in 0..50 {
        publisher.publish(&client, "a", Lifetime::Kept, BYTES).await.expect("the disk is well");
    }

    let _fault = FailingSyncs::attach(broker.pid()).await;
    let unknown =
        publisher.publish(&client, "a", Lifetime::Kept, BYTES).await.expect_err("no sync");
    assert_eq!(unknown.code(), Code::DeadlineExceeded, "{unknown:?}");
    assert_eq!(calls::reason(&unknown), "OUTCOME_UNKNOWN");
    assert_eq!(calls::retry_after(&unknown), None);

    let later = publisher.publish(&client, "b", Lifetime::Kept, BYTES).await.expect_err("closed");
    assert_eq!(later.code(), Code::Unavailable, "{later:?}");
    assert_eq!(calls::reason(&later), "STORAGE_UNAVAILABLE");
    assert!(calls::retry_after(&later).is_some());
    broker.wait_for_health(ServingStatus::NotServing, PATIENCE).await;
    goes_on_without_a_disk(&client, &publisher).await;

    broker.kill();
    let broker = Broker::start(&launch).await;
    publisher.audit(&calls::connect(broker.address).await).await;
}

/// What needs no disk goes on, and what was synced can be read; nothing else is shown.
async fn goes_on_without_a_disk(client: &Client, publisher: &Publisher) {
    let mut live = calls::subscribe(client, "c", 0).await.expect("a subscription");
    let mut request = calls::kept("c", "x");
    request.keep = false;
    assert_eq!(calls::publish(client, request).await.expect("delivered only"), 0);
    assert_eq!(calls::next(&mut live).await.expect("it is delivered").id, 0);
    let last =
        publisher.entries().iter().filter_map(Entry::stored_id).max().expect("some are stored");
    assert_eq!(calls::fetch(client, "a", last).await.expect("synced").id, last);
    let never_synced = calls::fetch(client, "a", last + 1).await.expect_err("not synced");
    assert_eq!(never_synced.code(), Code::InvalidArgument, "{never_synced:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_at_every_early_sync_lose_nothing() {
    let folder = TempDir::new().expect("a folder");
    let launch = Launch::local(folder.path());
    let (mut publisher, mut chance) = (Publisher::default(), Chance::new(seed()));
    for sync in CRASH_POINTS {
        let inject = format!("inject={SYNCS}:signal=KILL:when={sync}");
        // -D: the broker is our child, strace watches from aside and ends with it.
        let strace = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", &inject];
        if let Ok(mut broker) = Broker::try_start(&launch.clone().under(strace)).await {
            until_it_dies(&mut publisher, &broker, &mut chance).await;
            broker.ended(PATIENCE).await;
        }
    }
    let broker = Broker::start(&launch).await;
    publisher.audit(&calls::connect(broker.address).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_disk_is_shared_by_all_who_wait() {
    const PUBLISHERS: u32 = 50;
    const EACH: u64 = 10;
    let folder = TempDir::new().expect("a folder");
    let inject = format!("inject={SYNCS}:delay_exit={}", SLOW_SYNC.as_micros());
    let strace = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", &inject];
    let broker = Broker::start(&Launch::local(folder.path()).under(strace)).await;
    let client = calls::connect(broker.address).await;
    let publish = async |publisher| {
        let subject = format!("slow {}", publisher % 5);
        for _ in 0..EACH {
            calls::publish(&client, calls::kept(&subject, "x")).await.expect("stored");
        }
    };
    let ((), took) = timed(async {
        join_all((0..PUBLISHERS).map(publish)).await;
    })
    .await;
    let alone = SLOW_SYNC * PUBLISHERS * EACH as u32;
    println!("{took:?}, one after the other {alone:?}");
    assert!(took < alone / 4, "{took:?}: who waits shares a sync");
}

/// Publishes until the connection breaks.
async fn until_it_dies(publisher: &mut Publisher, broker: &Broker, chance: &mut Chance) {
    let Ok(channel) = calls::endpoint(broker.address).connect().await else { return };
    let client = Client::new(channel);
    for _ in 0..MOST_MESSAGES {
        let lifetime = *chance.of(&[Lifetime::Kept, Lifetime::For(Duration::from_secs(600))]);
        let subject = *chance.of(&["a", "b", "c"]);
        if publisher.publish(&client, subject, lifetime, BYTES).await.is_err() {
            return;
        }
    }
    panic!("{MOST_MESSAGES} messages were stored with fewer syncs than it takes to crash");
}
