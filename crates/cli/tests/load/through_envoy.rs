//! The tools through a real Envoy with a rate limit, as the documentation says. The limit is lower than the shipped
//! one, so that some calls are above it however busy this machine is.

use crate::{
    counted::stored,
    launch::Launch,
    process::Broker,
    tool::{k6, must_say, number, pool},
};
use broker_test_servers::Envoy;

/// The shipped limit.
const SHIPPED: &str = "{max_tokens: 1000, tokens_per_fill: 800, fill_interval: 1s}";

/// Two hundred calls, and no more while a test runs.
const ONCE: &str = "{max_tokens: 200, tokens_per_fill: 1, fill_interval: 3600s}";

/// A hundred at once and a second.
const SLOW: &str = "{max_tokens: 100, tokens_per_fill: 10, fill_interval: 0.1s}";

async fn broker_and_envoy(limit: &str) -> (Broker, Envoy) {
    let broker = Broker::start(&Launch::memory()).await;
    let envoy = Envoy::before(&[broker.address]).with(SHIPPED, limit).start().await;
    (broker, envoy)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_limit_refuses_is_counted() {
    let (broker, envoy) = broker_and_envoy(ONCE).await;
    let log = k6("publish.js", envoy.address(), &[]).fails().await;
    must_say(&log, "Publish failed: RESOURCE_EXHAUSTED OVERLOADED");
    // One call asks whether there is a broker.
    assert_eq!(stored(&broker).await, 199);
    assert_eq!(number(&log, "broker_failed_RESOURCE_EXHAUSTED..."), 300 - 199);

    let (broker, envoy) = broker_and_envoy(ONCE).await;
    let log = k6("publish.js", envoy.address(), &[("LIMITED", "1")]).succeeds().await;
    assert_eq!(stored(&broker).await, 199);
    assert_eq!(number(&log, "broker_calls_limited..."), 300 - 199);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_beyond_the_limit_is_whole_in_the_end() {
    let (_broker, envoy) = broker_and_envoy(SLOW).await;
    for script in ["subscribe.js", "mixed.js"] {
        let settings = [("LIMITED", "1"), ("DURATION", "8s")];
        let log = k6(script, envoy.address(), &settings).succeeds().await;
        must_say(&log, "broker_calls_limited.");
    }
    let log = pool(envoy.address(), &["-limited"]).succeeds().await;
    must_say(&log, "calls failed: ResourceExhausted OVERLOADED");
    must_say(&log, "audit: no fault");
    let log = pool(envoy.address(), &[]).fails().await;
    must_say(&log, "TOO MANY FAILURES");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_below_the_limit_is_not_refused() {
    let (_broker, envoy) = broker_and_envoy(SHIPPED).await;
    let settings = [("RATE", "200"), ("DURATION", "3s"), ("VUS", "100"), ("DROPPED", "1")];
    k6("publish.js", envoy.address(), &settings).succeeds().await;
}
