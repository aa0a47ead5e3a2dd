//! The examples of the client's crate run.

use crate::{
    calls,
    launch::Launch,
    process::Broker,
    waiting::{PATIENCE, within},
};
use tempfile::TempDir;

#[expect(dead_code, reason = "its main function")]
#[path = "../../../client/examples/publish.rs"]
mod publish;
#[expect(dead_code, reason = "its main function")]
#[path = "../../../client/examples/publish_many.rs"]
mod publish_many;
#[expect(dead_code, reason = "its main function")]
#[path = "../../../client/examples/retry.rs"]
mod retry;
#[expect(dead_code, reason = "its main function")]
#[path = "../../../client/examples/subscribe.rs"]
mod subscribe;

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_run() {
    let folder = TempDir::new().expect("a folder");
    let broker = Broker::start(&Launch::local(folder.path())).await;
    let address = broker.address.to_string();
    within(PATIENCE, "publish", publish::run(&address)).await.expect("it publishes");
    within(PATIENCE, "retry", retry::run(&address)).await.expect("it publishes");
    within(PATIENCE, "subscribe", subscribe::run(&address, 2)).await.expect("two are there");
    within(PATIENCE, "publish_many", publish_many::run(&address)).await.expect("it publishes");
    let client = calls::connect(broker.address).await;
    assert!(calls::fetch(&client, "numbers", 10_000).await.is_ok());
}
