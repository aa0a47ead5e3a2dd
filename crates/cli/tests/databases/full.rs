//! PostgreSQL on a disk that is full, and has room again.

use crate::{
    calls,
    database::Kind,
    entry::Lifetime,
    filler::{fill, waits_for_room, works_while_full},
    process::Broker,
    publisher::Publisher,
    tmpfs::Tmpfs,
};
use broker_test_servers::Postgres;
use std::{fs, os::unix::fs::MetadataExt};

const DISK_MEBIBYTES: u32 = 96;
const FILLER_BYTES: usize = 40 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_table_space_refuses_and_recovers() {
    let server = Postgres::start().await;
    // Root may not own a table space.
    let owner = fs::metadata(server.socket_folder()).expect("it is there").uid();
    let disk = Tmpfs::mount_for(owner, DISK_MEBIBYTES);
    let place = disk.path().display();
    server.sql(&format!("CREATE TABLESPACE small LOCATION '{place}'")).await;
    server.sql("CREATE DATABASE small TABLESPACE small").await;
    let filler = disk.path().join("filler");
    fs::write(&filler, vec![1; FILLER_BYTES]).expect("room for the filler");

    let launch = Kind::Postgres.launch(server.address()).with("--postgres-database", "small");
    let mut broker = Broker::start(&launch).await;
    let client = calls::connect(broker.address).await;
    let mut publisher = Publisher::default();
    let reasons = ["OVERLOADED", "STORAGE_UNAVAILABLE"];
    fill(&mut publisher, &client, Lifetime::Kept, &reasons).await;
    works_while_full(&client).await;

    broker.kill();
    fs::remove_file(filler).expect("it is there");
    broker = Broker::start(&launch).await;
    let client = calls::connect(broker.address).await;
    waits_for_room(&mut publisher, &client, Lifetime::Kept).await;
    publisher.audit(&client).await;
}
