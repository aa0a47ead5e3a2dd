//! Waiting for conditions, with a deadline that names what did not come.

use std::time::Duration;
use tokio::time::{interval, timeout};

/// Long enough for any server on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Asks again and again until there is an answer; nothing after the deadline.
pub(crate) async fn until<T>(
    limit: Duration,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> Option<T> {
    let mut ticks = interval(Duration::from_millis(20));
    let answer = async {
        loop {
            ticks.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    timeout(limit, answer).await.ok()
}
