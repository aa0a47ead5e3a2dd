//! Filling a store, and what must go on when it is full.

use crate::{
    calls::{self, Client},
    entry::Lifetime,
    publisher::Publisher,
    waiting::until,
};
use std::time::Duration;

const SUBJECT: &str = "bulk";
const MESSAGE_BYTES: usize = 64 * 1024;
/// More than fits.
const MOST_MESSAGES: u64 = 2_000;
/// How soon the broker must see that there is room.
const SOON: Duration = Duration::from_secs(20);

/// Publishes large messages until the broker says that nothing more fits, in the way of the contract and
/// for one of these reasons.
pub async fn fill(
    publisher: &mut Publisher,
    client: &Client,
    lifetime: Lifetime,
    reasons: &[&str],
) {
    let before = publisher.entries().len();
    for _ in 0..MOST_MESSAGES {
        if let Err(status) = publisher.publish(client, SUBJECT, lifetime, MESSAGE_BYTES).await {
            assert!(calls::is_refusal(&status), "{status:?}");
            assert!(reasons.contains(&&*calls::reason(&status)), "{status:?}");
            assert!(calls::retry_after(&status).is_some(), "{status:?}");
            let count = publisher.entries().len() - before;
            assert!(count > 50, "full after {count} messages");
            return;
        }
    }
    panic!("{MOST_MESSAGES} messages of {MESSAGE_BYTES} bytes fit a small disk");
}

/// Publishes until a message is stored again.
pub async fn waits_for_room(publisher: &mut Publisher, client: &Client, lifetime: Lifetime) {
    until(SOON, "the broker stores again", async || {
        publisher.publish(client, SUBJECT, lifetime, MESSAGE_BYTES).await.ok()
    })
    .await;
}

/// Reading and what is not stored go on.
pub async fn works_while_full(client: &Client) {
    let first = calls::fetch(client, SUBJECT, 1).await.expect("what is stored can be fetched");
    assert_eq!(first.id, 1);
    let mut stream = calls::subscribe(client, SUBJECT, 0).await.expect("a subscription");
    for _ in 0..50 {
        calls::next(&mut stream).await.expect("what is stored can be read");
    }
    let mut request = calls::kept("not stored", "x");
    request.keep = false;
    assert_eq!(calls::publish(client, request).await.expect("delivered only"), 0);
}
