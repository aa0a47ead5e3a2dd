//! Whether the broker serves, for gRPC health checks and the admin port.

use broker_core::{Broker, Writable};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;
use tonic_health::{ServingStatus, server::HealthReporter};

/// How often the store is asked whether it takes writes.
const INTERVAL: Duration = Duration::from_millis(250);

/// What the broker is, as far as others should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It serves.
    Serving,
    /// It is not open yet.
    Starting,
    /// It reads, but takes no stored messages until it is started anew; why.
    ReadOnly(String),
    /// It is leaving.
    Closing,
}

/// Publishes the broker's health wherever it is asked for.
#[derive(Clone)]
pub struct Watch {
    health: Arc<watch::Sender<Health>>,
}

impl Watch {
    pub fn new() -> Self {
        Self { health: Arc::new(watch::Sender::new(Health::Starting)) }
    }

    pub fn now(&self) -> Health {
        self.health.borrow().clone()
    }

    fn set(&self, health: Health) {
        self.health.send_if_modified(|now| {
            // Nothing follows after closing.
            let changes = *now != Health::Closing && *now != health;
            if changes {
                *now = health;
            }
            changes
        });
    }

    pub fn close(&self) {
        self.set(Health::Closing);
    }

    /// Follows the store's state and tells the gRPC health service, until the broker closes.
    pub async fn follow(self, broker: Broker, reporter: HealthReporter) {
        let mut changes = self.health.subscribe();
        let mut ticks = tokio::time::interval(INTERVAL);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.set(match broker.writable() {
                    Writable::Closed(why) => Health::ReadOnly(why),
                    // Full or away for now: it serves what it can and says so call by call.
                    Writable::Yes | Writable::Full(_) | Writable::Unavailable(_) => Health::Serving,
                }),
                _ = changes.changed() => {
                    let health = changes.borrow_and_update().clone();
                    report(&reporter, &health).await;
                    if health == Health::Closing {
                        return;
                    }
                }
            }
        }
    }
}

async fn report(reporter: &HealthReporter, health: &Health) {
    let status = match health {
        Health::Serving => ServingStatus::Serving,
        Health::Starting | Health::ReadOnly(_) | Health::Closing => ServingStatus::NotServing,
    };
    for service in ["", broker_proto::SERVICE] {
        reporter.set_service_status(service, status).await;
    }
}
