//! The pool of workers succeeds at a real broker, which counts what it did.

use crate::{
    counted::{delivered, delivered_only, fetched, stored},
    launch::Launch,
    log::Log,
    process::Broker,
    tool::{must_say, pool},
};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn publishes_and_reads_back() {
    let folder = TempDir::new().expect("a folder");
    let broker = Broker::start(&Launch::local(folder.path())).await;
    let log = pool(broker.address, &[]).succeeds().await;
    must_say(&log, "400 messages acknowledged in ");
    let latencies = latencies(&log);
    assert!(latencies.len() == 4 && latencies.is_sorted() && latencies[0] > 0.0, "{latencies:?}");
    must_say(&log, "400 messages in 4 subjects were read back, 0 are of unknown outcome");
    must_say(&log, "audit: no fault");
    assert_eq!((stored(&broker).await, delivered_only(&broker).await), (400, 1));
    assert_eq!((delivered(&broker).await, fetched(&broker).await), (400, 4 * 50));
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_for_good_and_as_the_predecessor_knew() {
    let folder = TempDir::new().expect("a folder");
    let broker = Broker::start(&Launch::local(folder.path())).await;
    for flags in [&["-keep", "-size", "5000"][..], &["-old"]] {
        must_say(&pool(broker.address, flags).succeeds().await, "audit: no fault");
    }
    assert_eq!(stored(&broker).await, 800);
}

#[tokio::test(flavor = "multi_thread")]
async fn delivers_only() {
    let broker = Broker::start(&Launch::memory()).await;
    let log = pool(broker.address, &["-ttl", "0s"]).succeeds().await;
    must_say(&log, "nothing is kept");
    assert_eq!((stored(&broker).await, delivered_only(&broker).await), (0, 401));
}

#[tokio::test(flavor = "multi_thread")]
async fn stops_in_time_and_holds_a_rate() {
    let broker = Broker::start(&Launch::memory()).await;
    let log = pool(broker.address, &["-rate", "100", "-time", "2s"]).succeeds().await;
    let messages = stored(&broker).await;
    assert!((1..=200).contains(&messages), "{messages}");
    must_say(&log, &format!("{messages} messages acknowledged in "));
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_what_makes_no_sense() {
    let broker = Broker::start(&Launch::memory()).await;
    for (flags, words) in [
        (&["-ttl", "30s"][..], "-ttl must be a minute longer than -time"),
        (&["-size", "3"], "a body has 32 to 4,000,000 bytes"),
        (&["-workers", "0"], "there must be at least one worker"),
        (&["-old", "-keep"], "does not know -keep"),
    ] {
        must_say(&pool(broker.address, flags).fails().await, words);
    }
}

/// The percentiles that it reports, in seconds.
fn latencies(log: &Log) -> Vec<f64> {
    let line = log.find(|line| line.strip_prefix("acknowledgement p50 ").map(str::to_owned));
    let line = line.expect("it reports percentiles");
    let texts = line.split(", ").map(|text| text.rsplit(' ').next().unwrap_or_default());
    texts.map(seconds).collect()
}

fn seconds(text: &str) -> f64 {
    let units = [("ms", 1e-3), ("µs", 1e-6), ("s", 1.0)];
    let number = |(unit, factor)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * factor);
    units.into_iter().find_map(number).unwrap_or_else(|| panic!("`{text}` is no duration"))
}
