//! Waiting for conditions, with a deadline that names what did not come.

use std::{
    future::Future,
    time::{Duration, Instant},
};
use tokio::time::{interval, timeout};

/// Long enough for anything on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What the future answers; a panic that names it after the deadline.
pub async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> T {
    match timeout(limit, future).await {
        Ok(answer) => answer,
        Err(_) => panic!("{what}: nothing within {limit:?}"),
    }
}

/// Asks again and again until there is an answer; a panic that names it after the deadline.
pub async fn until<T>(limit: Duration, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let mut ticks = interval(Duration::from_millis(20));
    within(limit, what, async {
        loop {
            ticks.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    })
    .await
}

/// How long something took.
pub async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    (future.await, start.elapsed())
}
