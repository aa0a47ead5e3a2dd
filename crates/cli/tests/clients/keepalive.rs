//! Clients that ping keep their connection, in each language.

use crate::{
    language::{Language, in_every_language},
    launch::Launch,
    old,
    process::Broker,
    relay::Relay,
    waiting::until,
};
use std::time::Duration;
use tempfile::TempDir;

/// Pings, 10 s apart. A server with the policy that grpc-go and grpc-core have by default closes the
/// connection at the fourth.
const PINGS: u64 = 4;
const PINGED_WITHIN: Duration = Duration::from_secs(100);

in_every_language! {
    keeps_its_connection_over_many_pings
}

async fn keeps_its_connection_over_many_pings(language: Language) {
    let folder = TempDir::new().expect("a folder");
    let broker = Broker::start(&Launch::local(folder.path())).await;
    let relay = Relay::before(broker.address).await;
    let mut client = old::start(language, relay.address, "keepalive");
    for (reached, pings) in [("subscribed", PINGS), ("without a call", 1)] {
        client.says(reached).await;
        let wanted = relay.pings() + pings;
        until(PINGED_WITHIN, "the client pings", async || (relay.pings() >= wanted).then_some(()))
            .await;
        client.tell("go on");
    }
    client.succeeds().await;
    assert_eq!(relay.connections(), 1, "the connection was closed, and made again");
}
