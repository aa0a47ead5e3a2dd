//! What a broker counted, on its page of metrics.

use crate::{admin, process::Broker};

/// The value of a metric with exactly these labels; 0 if it is not there.
pub async fn counted(broker: &Broker, metric: &str) -> u64 {
    let (code, page) = admin::page(broker.admin, "/metrics").await;
    assert_eq!(code, 200);
    let value = page.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().expect("a whole number"))
}

/// Messages that were acknowledged as stored.
pub async fn stored(broker: &Broker) -> u64 {
    counted(broker, "broker_messages_accepted_total{kept=\"stored\"}").await
}

/// Messages that were acknowledged as delivered only.
pub async fn delivered_only(broker: &Broker) -> u64 {
    counted(broker, "broker_messages_accepted_total{kept=\"delivered_only\"}").await
}

/// Messages handed to subscriptions.
pub async fn delivered(broker: &Broker) -> u64 {
    counted(broker, "broker_messages_delivered_total").await
}

/// Fetches that went well.
pub async fn fetched(broker: &Broker) -> u64 {
    counted(broker, "broker_rpcs_total{method=\"broker.Broker/Fetch\",code=\"OK\"}").await
}
