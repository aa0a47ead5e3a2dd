//! Clients generated from today's proto, in each language.

use crate::{
    language::{Language, in_every_language},
    launch::Launch,
    process::Broker,
    program::Program,
};
use tempfile::TempDir;

in_every_language! {
    uses_headers_lifetimes_and_starts
    gets_todays_errors
    publishes_a_stream_of_batches
}

async fn run(language: Language, scenario: &str) {
    let folder = TempDir::new().expect("a folder");
    let broker = Broker::start(&Launch::local(folder.path())).await;
    let mut command = language.test("new");
    Program::start(command.arg(broker.address.to_string()).arg(scenario)).succeeds().await;
}

async fn uses_headers_lifetimes_and_starts(language: Language) {
    run(language, "messages").await;
}

async fn gets_todays_errors(language: Language) {
    run(language, "errors").await;
}

async fn publishes_a_stream_of_batches(language: Language) {
    run(language, "stream").await;
}
