//! gRPC-Web by @connectrpc/connect-web, from Node and from the pages of a browser.

use crate::{language::node, launch::Launch, process::Broker, program::Program};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn a_program_without_an_origin_is_let_in() {
    let folder = TempDir::new().expect("a folder");
    let broker = Broker::start(&Launch::local(folder.path())).await;
    let mut command = node("tests/clients/web/node.js");
    Program::start(command.arg(broker.address.to_string()).arg("works")).succeeds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_listed_origin_calls() {
    browse("works", |launch, origin| launch.with("--web-origin", origin)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_gets_nothing() {
    browse("refused", |launch, _| launch.with("--web-origin", "http://127.0.0.1:1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_publishes_subscribes_and_fetches() {
    browse("example", |launch, origin| launch.with("--web-origin", origin)).await;
}

/// Starts the browser, then a broker that knows the origin of its pages.
async fn browse(scenario: &str, launch: impl FnOnce(Launch, &str) -> Launch) {
    let mut browser = Program::start(node("tests/clients/web/browser.js").arg(scenario));
    let origin = browser.says("origin ").await;
    let folder = TempDir::new().expect("a folder");
    let broker = Broker::start(&launch(Launch::local(folder.path()), &origin)).await;
    browser.tell(&broker.address.to_string());
    browser.succeeds().await;
}
