//! Every script of `deploy/k6` succeeds at a real broker, which counts what the script did.

use crate::{
    counted::{delivered, delivered_only, fetched, stored},
    host::Host,
    launch::Launch,
    process::Broker,
    tool::{k6, must_say, number, says},
};
use std::net::SocketAddr;
use tempfile::TempDir;

/// A broker whose messages rest in a folder that goes with it.
async fn local() -> (TempDir, Broker) {
    let folder = TempDir::new().expect("a folder");
    let broker = Broker::start(&Launch::local(folder.path())).await;
    (folder, broker)
}

#[tokio::test(flavor = "multi_thread")]
async fn publish() {
    let (_folder, broker) = local().await;
    let log = k6("publish.js", broker.address, &[("DURABILITY", "DISK")]).succeeds().await;
    assert_eq!(stored(&broker).await, 300);
    // One asks whether there is a broker.
    assert_eq!(delivered_only(&broker).await, 1);
    assert_eq!(number(&log, "broker_verified..."), 3 * 300);
    let log = k6("publish.js", broker.address, &[("DURABILITY", "DATABASE")]).fails().await;
    must_say(&log, "Not so: a kept message is as durable as expected");
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_what_is_delivered_only() {
    let (_folder, broker) = local().await;
    k6("publish.js", broker.address, &[("TTL", "0")]).succeeds().await;
    assert_eq!((stored(&broker).await, delivered_only(&broker).await), (0, 1 + 300));
    let log = k6("subscribe.js", broker.address, &[("TTL", "0")]).fails().await;
    must_say(&log, "TTL=0 is for publish.js alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_at_a_rate() {
    let (_folder, broker) = local().await;
    let settings = [("RATE", "50"), ("DURATION", "3s"), ("VUS", "100"), ("DROPPED", "0.5")];
    k6("publish.js", broker.address, &settings).succeeds().await;
    let stored = stored(&broker).await;
    // Some are not sent when the machine is too busy to have a virtual user free.
    assert!((75..=151).contains(&stored), "{stored}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fetch() {
    let (_folder, broker) = local().await;
    k6("fetch.js", broker.address, &[]).succeeds().await;
    assert_eq!((stored(&broker).await, fetched(&broker).await), (50, 300));
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribe() {
    let (_folder, broker) = local().await;
    let log = k6("subscribe.js", broker.address, &[]).succeeds().await;
    assert_eq!(stored(&broker).await, 300);
    // Two who listen and one who comes late.
    assert_eq!(number(&log, "broker_delivered..."), 3 * 300);
    assert_eq!(delivered(&broker).await, 3 * 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn mixed() {
    let (_folder, broker) = local().await;
    let log = k6("mixed.js", broker.address, &[("DURATION", "8s")]).succeeds().await;
    let delivered = delivered(&broker).await;
    assert!(delivered > 0 && delivered >= number(&log, "broker_delivered..."), "{delivered}");
    let (kept, fetched) = (stored(&broker).await, fetched(&broker).await);
    let all = kept + delivered_only(&broker).await - 1 + fetched;
    // A busy machine does not get through all of them in that time.
    assert!(all <= 300 && fetched > 0 && fetched < kept, "{all} {kept} {fetched}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_is_a_failure() {
    let host = Host::start().await;
    for script in ["publish.js", "fetch.js", "subscribe.js", "mixed.js"] {
        let settings = [("P99", "0"), ("DURATION", "3s")];
        let log = k6(script, host.address, &settings).fails().await;
        must_say(&log, "✗ 'p(99)<0'");
        assert!(!says(&log, "Not so"), "{script}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_not_made_is_a_failure() {
    let host = Host::start().await;
    // One connection can't send so much.
    let settings = [("RATE", "100000"), ("VUS", "1"), ("DURATION", "2s")];
    let log = k6("publish.js", host.address, &settings).fails().await;
    must_say(&log, "✗ 'count<=2000'");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_said_at_once() {
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    for script in ["publish.js", "fetch.js", "subscribe.js", "mixed.js"] {
        let log = k6(script, nobody, &[("TIMEOUT", "5s")]).fails().await;
        must_say(&log, "No broker serves at 127.0.0.1:1");
        // What k6 alone would have called good: no check failed.
        must_say(&log, "✓ 'rate==1'");
        must_say(&log, "✗ 'count>0'");
    }
}
