//! Clients generated from the predecessor's proto, in each language at its library's defaults.

use crate::{
    calls,
    failing_syncs::FailingSyncs,
    language::{Language, in_every_language},
    launch::Launch,
    process::Broker,
    program::Program,
    waiting::PATIENCE,
};
use rustix::process::Signal;
use std::{fs, net::SocketAddr, path::Path};
use tempfile::TempDir;

/// These publish much, on a machine whose disk may be busy with other tests.
const PATIENT: &[(&str, &str)] = &[("--outcome-timeout", "1m")];

in_every_language! {
    publishes_subscribes_and_fetches
    gets_every_error_of_its_own_making
    carries_the_largest_message
    cancels_subscriptions
    keeps_deadlines
    reads_slowly_and_misses_nothing
    carries_many_small_messages
    hears_that_the_broker_closes
    hears_that_the_store_is_full
    hears_that_the_disk_fails
    hears_of_a_damaged_message
}

/// Starts a scenario of the program `old`.
pub fn start(language: Language, address: SocketAddr, scenario: &str) -> Program {
    Program::start(language.test("old").arg(address.to_string()).arg(scenario))
}

/// A scenario that needs nothing but a broker with these flags.
async fn run(language: Language, scenario: &str, flags: &[(&str, &str)]) {
    let folder = TempDir::new().expect("a folder");
    let launch = Launch::local(folder.path());
    let launch = flags.iter().fold(launch, |launch, (flag, value)| launch.with(flag, value));
    let broker = Broker::start(&launch).await;
    start(language, broker.address, scenario).succeeds().await;
}

async fn publishes_subscribes_and_fetches(language: Language) {
    run(language, "messages", &[]).await;
}

async fn gets_every_error_of_its_own_making(language: Language) {
    run(language, "errors", &[]).await;
}

async fn carries_the_largest_message(language: Language) {
    run(language, "limit", &[]).await;
}

async fn cancels_subscriptions(language: Language) {
    run(language, "cancel", &[("--max-subscriptions", "8")]).await;
}

async fn keeps_deadlines(language: Language) {
    run(language, "deadline", &[]).await;
}

async fn reads_slowly_and_misses_nothing(language: Language) {
    run(language, "slow", PATIENT).await;
}

async fn carries_many_small_messages(language: Language) {
    run(language, "many", PATIENT).await;
}

async fn hears_that_the_store_is_full(language: Language) {
    let flags = [("--segment-size", "64KiB"), ("--max-store-size", "1MiB")];
    run(language, "overloaded", &flags).await;
}

async fn hears_that_the_broker_closes(language: Language) {
    let folder = TempDir::new().expect("a folder");
    let broker = Broker::start(&Launch::local(folder.path())).await;
    let mut client = start(language, broker.address, "closing");
    client.says("subscribed").await;
    broker.signal(Signal::TERM);
    client.tell("go on");
    client.succeeds().await;
}

async fn hears_that_the_disk_fails(language: Language) {
    let folder = TempDir::new().expect("a folder");
    let broker = Broker::start(&Launch::local(folder.path())).await;
    let mut client = start(language, broker.address, "unavailable");
    client.says("published").await;
    let _fault = FailingSyncs::attach(broker.pid()).await;
    client.tell("go on");
    client.succeeds().await;
}

async fn hears_of_a_damaged_message(language: Language) {
    let folder = TempDir::new().expect("a folder");
    // Small files, so that the damage lies in one that is no longer written.
    let launch = Launch::local(folder.path()).with("--segment-size", "64KiB");
    let mut broker = Broker::start(&launch).await;
    let publisher = calls::connect(broker.address).await;
    for letter in ["a", "b", "c"] {
        let message = calls::kept("damaged", letter.repeat(40_000));
        calls::publish(&publisher, message).await.expect("stored");
    }
    // In order, so that it has written down where each message lies.
    broker.signal(Signal::TERM);
    broker.ended(PATIENCE).await;
    damage(folder.path(), &b"b".repeat(40_000));

    let broker = Broker::start(&launch).await;
    start(language, broker.address, "damaged").succeeds().await;
}

/// Changes a byte in the middle of the one place below a folder where these bytes lie.
fn damage(folder: &Path, bytes: &[u8]) {
    let mut found = 0;
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let mut content = fs::read(entry.path()).unwrap_or_default();
        let place = content.windows(bytes.len()).position(|window| window == bytes);
        if let Some(place) = place {
            content[place + bytes.len() / 2] ^= 1;
            fs::write(entry.path(), content).expect("the file is ours");
            found += 1;
        }
    }
    assert_eq!(found, 1, "the message lies in one file");
}
