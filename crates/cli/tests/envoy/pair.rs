//! Envoy before servers that answer as a test wants, over a network that can break.

use crate::{
    calls,
    fake::{Answer, Fake},
    waiting::{PATIENCE, until},
};
use broker_test_servers::{Envoy, Proxy, envoy::Setup};
use std::{collections::HashMap, time::Duration};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// A status with a reason, in the broker's words or nearly so.
pub fn status(code: Code, reason: &str, text: &str) -> Status {
    let mut details = ErrorDetails::with_error_info(reason, "broker", HashMap::new());
    details.set_retry_info(Some(Duration::from_secs(1)));
    Status::with_error_details(code, text, details)
}

/// Envoy before two servers, each behind a network that can break.
pub struct Pair {
    pub envoy: Envoy,
    pub fakes: [Fake; 2],
    pub proxies: [Proxy; 2],
}

impl Pair {
    pub async fn start(answers: [Answer; 2]) -> Self {
        Self::start_with(answers, |setup| setup).await
    }

    pub async fn start_with(answers: [Answer; 2], change: impl FnOnce(Setup) -> Setup) -> Self {
        let [first, second] = answers;
        let fakes = [Fake::start(first).await, Fake::start(second).await];
        let proxies =
            [Proxy::before(fakes[0].address).await, Proxy::before(fakes[1].address).await];
        let setup = Envoy::before(&proxies.each_ref().map(Proxy::address));
        let envoy = change(setup).start().await;
        until_healthy(&envoy, 2).await;
        Self { envoy, fakes, proxies }
    }

    pub async fn client(&self) -> calls::Client {
        calls::connect(self.envoy.address()).await
    }

    pub fn calls(&self) -> u64 {
        self.fakes.iter().map(Fake::calls).sum()
    }

    /// Waits until so many calls have reached a server, then breaks every connection to one.
    pub async fn cut_after(&self, calls: u64) {
        until(PATIENCE, "a call arrives", async || (self.calls() >= calls).then_some(())).await;
        self.proxies.iter().for_each(Proxy::cut);
    }
}

/// Health shall not notice what happens.
pub fn unnoticed(setup: Setup) -> Setup {
    setup.with("unhealthy_threshold: 2", "unhealthy_threshold: 1000")
}

/// The network to the only broker is gone, and Envoy has heard that its connections are.
pub async fn go_away(proxy: &Proxy, envoy: &Envoy) {
    proxy.go_away().await;
    until(PATIENCE, "connections end", async || {
        (envoy.statistic("cluster.brokers.upstream_cx_active").await? == 0).then_some(())
    })
    .await;
}

/// Waits until Envoy knows of so many brokers that serve.
pub async fn until_healthy(envoy: &Envoy, count: u64) {
    until(PATIENCE, "health is known", async || {
        (envoy.statistic("cluster.brokers.membership_healthy").await? == count).then_some(())
    })
    .await;
}
