//! A disk that is full, and has room again.

use crate::{
    calls,
    entry::Lifetime,
    filler::{fill, waits_for_room, works_while_full},
    launch::Launch,
    process::Broker,
    publisher::Publisher,
    tmpfs::Tmpfs,
};
use std::{fs, path::Path, time::Duration};

const DISK_MEBIBYTES: u32 = 64;
const FILLER_BYTES: usize = 24 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_file_makes_room() {
    let disk = Tmpfs::mount(DISK_MEBIBYTES);
    let filler = disk.path().join("filler");
    fs::write(&filler, vec![1; FILLER_BYTES]).expect("room for the filler");
    let launch = on(disk.path());
    let mut broker = Broker::start(&launch).await;
    let client = calls::connect(broker.address).await;
    let mut publisher = Publisher::default();
    fill(&mut publisher, &client, Lifetime::Kept, &["OVERLOADED"]).await;
    works_while_full(&client).await;

    broker.kill();
    let broker = Broker::start(&launch).await;
    let client = calls::connect(broker.address).await;
    works_while_full(&client).await;
    fs::remove_file(filler).expect("it is there");
    waits_for_room(&mut publisher, &client, Lifetime::Kept).await;
    publisher.audit(&client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expiry_makes_room() {
    let disk = Tmpfs::mount(DISK_MEBIBYTES);
    let launch = on(disk.path());
    let broker = Broker::start(&launch).await;
    let client = calls::connect(broker.address).await;
    let (mut publisher, lifetime) = (Publisher::default(), Lifetime::For(Duration::from_secs(4)));
    // Twice, so that what was given back is used again.
    for _ in 0..2 {
        fill(&mut publisher, &client, lifetime, &["OVERLOADED"]).await;
        waits_for_room(&mut publisher, &client, lifetime).await;
    }
    publisher.audit(&client).await;
}

fn on(disk: &Path) -> Launch {
    Launch::local(&disk.join("broker"))
}
