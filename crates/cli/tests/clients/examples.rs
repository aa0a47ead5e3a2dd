//! The examples that people start from, run as their comments say.

use crate::{
    calls,
    language::{Language, in_every_language, prepared},
    launch::Launch,
    process::Broker,
    program::Program,
    relay::Relay,
    waiting::PATIENCE,
};
use rustix::process::Signal;
use std::{fs, net::SocketAddr};
use tempfile::TempDir;

in_every_language! {
    publish_subscribe_and_fetch
    wait_for_room
    send_nothing_twice
}

async fn publish_subscribe_and_fetch(language: Language) {
    let folder = TempDir::new().expect("a folder");
    let launch = Launch::local(folder.path());
    let mut broker = Broker::start(&launch).await;
    let relay = Relay::before(broker.address).await;
    let start = |name, arguments| start(language, relay.address, name, arguments);
    start("publish", &["orders", "one tea"]).says("1 DISK").await;
    let mut subscriber = start("subscribe", &["orders"]);
    subscriber.says("1 one tea").await;
    start("publish", &["orders", "one coffee"]).says("2 DISK").await;
    subscriber.says("2 one coffee").await;
    start("fetch", &["orders", "2"]).says("one coffee").await;
    start("fetch", &["orders", "3"]).says("it was never published").await;
    start("publish", &["", "x"]).fails().await;

    // The subscriber goes on at the next broker, without a gap or a duplicate.
    broker.signal(Signal::TERM);
    broker.ended(PATIENCE).await;
    let broker = Broker::start(&launch).await;
    relay.turn_to(broker.address);
    start("publish", &["orders", "the bill"]).says("3 DISK").await;
    subscriber.says("3 the bill").await;
    assert_eq!(lines(&subscriber), ["1 one tea", "2 one coffee", "3 the bill"]);
}

/// The publisher tries again while the broker is full or closes, and is heard by the next one.
async fn wait_for_room(language: Language) {
    let (small, large) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let launch = Launch::local(small.path()).with("--segment-size", "64KiB");
    let full = Broker::start(&launch.with("--max-store-size", "1MiB")).await;
    let client = calls::connect(full.address).await;
    for size in [30_000, 1_000, 1] {
        let message = calls::kept("full", "x".repeat(size));
        while calls::publish(&client, message.clone()).await.is_ok() {}
    }
    let relay = Relay::before(full.address).await;
    let mut publisher = start(language, relay.address, "publish", &["orders", "one tea"]);
    publisher.says("trying again in ").await;
    let roomy = Broker::start(&Launch::local(large.path())).await;
    relay.turn_to(roomy.address);
    full.signal(Signal::TERM);
    publisher.says("1 DISK").await;
}

/// A call that was lost on its way is not made again: it may have arrived.
async fn send_nothing_twice(language: Language) {
    let folder = TempDir::new().expect("a folder");
    let broker = Broker::start(&Launch::local(folder.path())).await;
    let relay = Relay::before(broker.address).await;
    relay.lose_next_call();
    start(language, relay.address, "publish", &["orders", "one tea"]).fails().await;
    assert!(relay.has_lost_call(), "the publisher made no call");
    let client = calls::connect(broker.address).await;
    let absent = calls::fetch(&client, "orders", 1).await.expect_err("nothing was stored");
    assert_eq!(calls::reason(&absent), "MESSAGE_NOT_FOUND");
}

fn start(language: Language, broker: SocketAddr, name: &str, arguments: &[&str]) -> Program {
    let mut command = language.example(name);
    Program::start(command.args(arguments).env("BROKER", broker.to_string()))
}

/// The messages that a subscriber printed; what else it says is about the connection.
fn lines(subscriber: &Program) -> Vec<String> {
    let mut lines = Vec::new();
    subscriber.log.find(|line| {
        let is_message = line.split_once(' ').is_some_and(|(id, _)| id.parse::<u64>().is_ok());
        lines.extend(is_message.then(|| line.clone()));
        None::<()>
    });
    lines
}

/// The examples' packages are those that the tests lock.
#[test]
fn packages_are_those_that_are_tested() {
    let read = |path| -> serde_json::Value {
        let text = fs::read_to_string(prepared(path)).expect("a text");
        serde_json::from_str(&text).expect("JSON")
    };
    let tested = read("tests/clients/node/package.json");
    let mut compared = 0;
    for example in ["examples/node/package.json", "examples/web/package.json"] {
        let example = read(example);
        for kind in ["dependencies", "devDependencies"] {
            for (name, version) in example[kind].as_object().into_iter().flatten() {
                assert_eq!(*version, tested["dependencies"][name], "{name}");
                compared += 1;
            }
        }
    }
    assert!(compared > 0, "the examples name packages");
}
