//! The commands for ghz that the documentation has.

use crate::{
    counted::{delivered, fetched, stored},
    failing::unavailable,
    host::Host,
    launch::Launch,
    liar::Liar,
    lie::Lie,
    log::Log,
    process::Broker,
    tool::{ghz, must_say},
};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn publish_fetch_and_subscribe() {
    let folder = TempDir::new().expect("a folder");
    let broker = Broker::start(&Launch::local(folder.path())).await;
    let log = ghz("Publish", broker.address).succeeds().await;
    assert_eq!(answers(&log), ["[OK] 10000 responses"]);
    assert_eq!(stored(&broker).await, 10_000);
    let log = ghz("Fetch", broker.address).succeeds().await;
    assert_eq!(answers(&log), ["[OK] 10000 responses"]);
    assert_eq!(fetched(&broker).await, 10_000);
    let log = ghz("Subscribe", broker.address).succeeds().await;
    assert_eq!(answers(&log), ["[Canceled] 20 responses"]);
    assert!(delivered(&broker).await >= 20 * 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_in_the_report() {
    let host = Host::failing(unavailable()).await;
    let log = ghz("Publish", host.address).succeeds().await;
    let answers = answers(&log);
    assert_eq!(answers.len(), 2, "{answers:?}");
    assert!(answers.iter().any(|line| line.starts_with("[Unavailable] ")), "{answers:?}");
    must_say(&log, "rpc error: code = Unavailable");
}

/// Why the page says that another tool is needed for that.
#[tokio::test(flavor = "multi_thread")]
async fn lies_are_not() {
    let liar = Liar::start(Lie::Forget).await;
    let log = ghz("Publish", liar.address).succeeds().await;
    assert_eq!(answers(&log), ["[OK] 10000 responses"]);
}

/// The lines below "Status code distribution".
fn answers(log: &Log) -> Vec<String> {
    let lines = log.lines();
    let below = lines.iter().skip_while(|line| !line.starts_with("Status code distribution"));
    let words = |line: &String| line.split_whitespace().collect::<Vec<_>>().join(" ");
    below.skip(1).map(words).take_while(|line| !line.is_empty()).collect()
}
