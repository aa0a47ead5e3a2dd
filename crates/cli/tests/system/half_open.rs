//! A peer that vanished without a word: keepalive finds it.

use crate::{
    calls,
    launch::Launch,
    process::Broker,
    proxy::Proxy,
    waiting::{PATIENCE, within},
};
use futures_util::FutureExt;
use std::time::Duration;
use tempfile::TempDir;

/// A vanished peer is found in 6 s; the rest is for a busy machine, on which a healthy one may be
/// slow to answer, too.
const INTERVAL: &str = "1s";
const TIMEOUT: &str = "5s";
const FOUND_WITHIN: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_half_open_subscriber_is_dropped() {
    let folder = TempDir::new().expect("a folder");
    let launch = Launch::local(folder.path());
    let launch = launch.with("--keepalive-interval", INTERVAL).with("--keepalive-timeout", TIMEOUT);
    let broker = Broker::start(&launch).await;
    let mut lost = Proxy::before(broker.address).await;
    let mut well = Proxy::before(broker.address).await;
    let near = calls::connect(broker.address).await;
    let (mut far, mut idle) = (Vec::new(), Vec::new());
    for (proxy, streams) in [(&lost, &mut far), (&well, &mut idle)] {
        let client = calls::connect(proxy.address).await;
        streams.push(calls::subscribe(&client, "far", 0).await.expect("a subscription"));
    }
    calls::publish(&near, calls::kept("far", "before")).await.expect("stored");
    for stream in far.iter_mut().chain(&mut idle) {
        assert_eq!(calls::next(stream).await.expect("it arrives").body, "before");
    }

    lost.swallow();
    within(FOUND_WITHIN, "the broker drops the peer", lost.closed_by_broker(1)).await;
    // A peer that answers pings is kept, however long it says nothing.
    assert!(well.closed_by_broker(1).now_or_never().is_none(), "a healthy connection was closed");
    calls::publish(&near, calls::kept("far", "after")).await.expect("stored");
    assert_eq!(calls::next(&mut idle[0]).await.expect("it arrives").body, "after");
    // Who resumes elsewhere misses nothing.
    let mut resumed = calls::subscribe(&near, "far", 1).await.expect("a subscription");
    let next = within(PATIENCE, "the next", calls::next(&mut resumed)).await.expect("it arrives");
    assert_eq!((next.id, next.body), (2, "after".into()));
}
