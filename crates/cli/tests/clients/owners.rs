//! Clients of the predecessor's proto, where two brokers take turns over one database.

use crate::{
    calls,
    language::{Language, in_every_language},
    launch::Launch,
    old,
    process::Broker,
    relay::Relay,
    waiting::PATIENCE,
};
use broker_test_servers::Postgres;
use rustix::process::Signal;
use tonic_health::pb::health_check_response::ServingStatus;

in_every_language! {
    hears_that_a_broker_stands_by_until_it_serves
    finds_the_next_owner_after_a_kill
}

/// An owner, and a broker that stands by: it listens once it knows whether to serve.
struct Pair {
    // Before their database: they end first.
    owner: Broker,
    standby: Broker,
    _database: Postgres,
}

async fn start() -> Pair {
    let database = Postgres::start().await;
    let server = database.address();
    let launch = Launch::over("postgres")
        .with("--postgres-host", server.ip().to_string())
        .with("--postgres-port", server.port().to_string())
        .with("--postgres-database", "postgres")
        .with("--postgres-user", "postgres")
        .with("--lease", "4s")
        .with("--database-connect-timeout", "2s")
        .with("--database-statement-timeout", "2s");
    let owner = Broker::start(&launch).await;
    Pair { owner, standby: Broker::start_listening(&launch).await, _database: database }
}

/// Over one connection, which was good from the beginning.
async fn hears_that_a_broker_stands_by_until_it_serves(language: Language) {
    let pair = start().await;
    let client = calls::connect(pair.owner.address).await;
    assert_eq!(calls::publish(&client, calls::kept("owners", "first")).await.expect("stored"), 1);
    let relay = Relay::before(pair.standby.address).await;
    let mut program = old::start(language, relay.address, "standby");
    program.says("stands by").await;
    pair.owner.signal(Signal::TERM);
    program.tell("go on");
    program.succeeds().await;
    assert_eq!(relay.connections(), 1, "the connection was closed, and made again");
}

async fn finds_the_next_owner_after_a_kill(language: Language) {
    let mut pair = start().await;
    let relay = Relay::before(pair.owner.address).await;
    let mut program = old::start(language, relay.address, "takeover");
    program.says("subscribed").await;
    relay.turn_to(pair.standby.address);
    pair.owner.kill();
    program.tell("go on");
    program.succeeds().await;
    pair.standby.wait_for_health(ServingStatus::Serving, PATIENCE).await;
}
