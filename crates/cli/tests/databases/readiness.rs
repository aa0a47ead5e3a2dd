//! What an owner whose database is away says of itself.

use crate::{
    admin, calls,
    database::{Kind, over_both},
    process::Broker,
    waiting::{PATIENCE, until},
};
use broker_test_servers::Proxy;
use tonic_health::pb::health_check_response::ServingStatus;

over_both!(
    an_idle_owner_serves_and_says_that_its_database_is_away,
    an_owner_that_refused_says_when_its_database_is_back,
);

const SHORTAGE: &str = "\nstoring nothing for now: ";

async fn an_idle_owner_serves_and_says_that_its_database_is_away(kind: Kind) {
    let proxy = Proxy::before(kind.shared()).await;
    let broker = Broker::start(&kind.launch(proxy.address())).await;
    assert!(!is_short(&broker).await);
    proxy.go_away().await;
    until(2 * PATIENCE, "it says so", async || is_short(&broker).await.then_some(())).await;
    assert_eq!(calls::health(broker.address).await, Some(ServingStatus::Serving as i32));
    proxy.accept().await;
    until(PATIENCE, "it is over", async || (!is_short(&broker).await).then_some(())).await;
}

/// Nobody publishes meanwhile.
async fn an_owner_that_refused_says_when_its_database_is_back(kind: Kind) {
    let proxy = Proxy::before(kind.shared()).await;
    let broker = Broker::start(&kind.launch(proxy.address())).await;
    let client = calls::connect(broker.address).await;
    proxy.go_away().await;
    let told = calls::publish(&client, calls::kept("a", "x")).await.expect_err("away");
    assert!(calls::comes_back(&told), "{told:?}");
    until(2 * PATIENCE, "it says so", async || is_short(&broker).await.then_some(())).await;
    proxy.accept().await;
    until(PATIENCE, "it is over", async || (!is_short(&broker).await).then_some(())).await;
    calls::publish(&client, calls::kept("b", "x")).await.expect("stored");
}

/// Whether it says that it stores nothing for now. It is ready all the same.
async fn is_short(broker: &Broker) -> bool {
    let (code, text) = admin::page(broker.admin, "/readyz").await;
    assert!(code == 200 && text.starts_with("serving\n"), "{code} {text}");
    text.contains(SHORTAGE)
}
