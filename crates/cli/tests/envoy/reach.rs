//! Brokers that cannot be reached: what clients hear of it, and when one is asked again.

use crate::{
    broker, calls,
    fake::{Answer, Fake},
    pair::{go_away, status, unnoticed, until_healthy},
    waiting::{PATIENCE, until},
};
use broker_test_servers::{Envoy, Proxy};
use std::{net::SocketAddr, time::Duration};
use tonic::{Code, Status};

/// Where nobody listens nothing is stored: clients hear that in the broker's words.
#[tokio::test(flavor = "multi_thread")]
async fn who_reaches_no_broker_may_send_again() {
    let broker = broker().await;
    let proxy = Proxy::before(broker.address).await;
    let envoy = Envoy::before(&[proxy.address()]).start().await;
    until_healthy(&envoy, 1).await;
    let client = calls::connect(envoy.address()).await;
    calls::publish(&client, calls::kept("a", "x")).await.expect("stored");
    go_away(&proxy, &envoy).await;
    let is_sure = |told: &Status| {
        assert_eq!((told.code(), &*calls::reason(told)), (Code::Unavailable, "BROKER_CLOSING"));
        assert_eq!(calls::retry_after(told), Some(Duration::from_secs(1)));
    };
    // While it is thought to be healthy, and when it is known not to be.
    is_sure(&calls::publish(&client, calls::kept("a", "x")).await.expect_err("it is gone"));
    until_healthy(&envoy, 0).await;
    is_sure(&calls::publish(&client, calls::kept("a", "x")).await.expect_err("it is gone"));
    proxy.accept().await;
    until(PATIENCE, "it is found again", async || {
        calls::publish(&client, calls::kept("a", "y")).await.ok()
    })
    .await;
    assert_eq!(calls::replay(&client, "a", 1).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_nowhere_is_no_broker() {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let line = format!("address: {}, port_value: {}", nowhere.ip(), nowhere.port());
    let setup = Envoy::before(&[nowhere]).with(&line, "address: nowhere.invalid, port_value: 1");
    let envoy = setup.start().await;
    let client = calls::connect(envoy.address()).await;
    let told = calls::publish(&client, calls::kept("a", "x")).await.expect_err("no such name");
    assert_eq!(calls::reason(&told), "BROKER_CLOSING", "{told:?}");
}

/// Not by what it answers: whether it owns the store is for health to say.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_is_ejected_when_it_cannot_be_reached_and_not_by_what_it_answers() {
    let refused = status(Code::Unavailable, "STORAGE_UNAVAILABLE", "nothing was stored");
    let fake = Fake::start(Answer::Refused(refused)).await;
    let proxy = Proxy::before(fake.address).await;
    let envoy = unnoticed(Envoy::before(&[proxy.address()])).start().await;
    let client = calls::connect(envoy.address()).await;
    let told = async || {
        let told = calls::publish(&client, calls::kept("a", "x")).await.expect_err("refused");
        calls::reason(&told)
    };
    let ejected = async || {
        let name = "cluster.brokers.outlier_detection.ejections_active";
        envoy.statistic(name).await.expect("it counts")
    };
    for _ in 0..30 {
        assert_eq!(told().await, "STORAGE_UNAVAILABLE");
    }
    assert_eq!(ejected().await, 0);
    go_away(&proxy, &envoy).await;
    until(PATIENCE, "it is ejected", async || {
        assert_eq!(told().await, "BROKER_CLOSING");
        (ejected().await == 1).then_some(())
    })
    .await;
    proxy.accept().await;
    until(PATIENCE, "it is asked again", async || {
        (told().await == "STORAGE_UNAVAILABLE").then_some(())
    })
    .await;
}
