//! A server, its clients, and waiting for what should become true.

mod host;
mod messages;
pub mod raw;
mod waiting;

pub use host::{Client, Host};
pub use messages::{batch, id_of, ids, kept, message, problem, reason, violations};
pub use waiting::Waiting;

use std::{future::Future, time::Duration};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Far longer than anything here takes, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The end of something that must come.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

/// Waits until a condition holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let mut ticks = interval(Duration::from_millis(2));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    soon(what, async {
        while !holds() {
            ticks.tick().await;
        }
    })
    .await;
}
