//! A process that stands still for a while, as under a debugger or on a starved machine.

use crate::{
    audit::time,
    body::Key,
    calls,
    entry::{Entry, Lifetime},
    launch::Launch,
    process::Broker,
    waiting::{PATIENCE, until},
};
use rustix::process::Signal;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn what_expires_during_a_pause_is_not_shown_after_it() {
    let folder = TempDir::new().expect("a folder");
    let broker = Broker::start(&Launch::local(folder.path())).await;
    let client = calls::connect(broker.address).await;
    let lifetime = Lifetime::For(Duration::from_millis(1_500));
    let entry = Entry::new(Key { publisher: 1, number: 1 }, &"paused".into(), lifetime);
    let id = calls::publish(&client, entry.request(100)).await.expect("stored");
    let message = calls::fetch(&client, "paused", id).await.expect("not yet expired");
    let expiry = time(message.expires_at.as_ref().expect("it expires"));

    broker.signal(Signal::STOP);
    until(PATIENCE, "its expiry", async || (SystemTime::now() >= expiry).then_some(())).await;
    // Asked while it stands still: the answer is made after the pause.
    let late = tokio::spawn({
        let client = client.clone();
        async move { calls::fetch(&client, "paused", id).await }
    });
    broker.signal(Signal::CONT);

    let gone = late.await.expect("no panic").expect_err("expired");
    assert_eq!(calls::reason(&gone), "MESSAGE_EXPIRED");
    assert!(calls::replay(&client, "paused", 1).await.is_empty());
    let next = calls::publish(&client, calls::kept("paused", "on")).await.expect("stored");
    assert!(next > id);
}
