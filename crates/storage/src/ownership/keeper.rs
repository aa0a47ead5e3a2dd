//! The owner's signs of life.

use super::{OwnerRow, RowError, tenure::Tenure};
use std::{sync::Arc, time::Duration};
use tokio::time;

/// Renews until the epoch is over. `last` is when the call began that made this process the owner.
pub(super) async fn keep(tenure: Arc<Tenure>, row: Arc<dyn OwnerRow>, last: Duration) {
    let mut news = tenure.news();
    let over = async {
        // The tenure outlives its receiver here: the sender is not gone.
        let _ = news.wait_for(|news| news.end.is_some()).await;
    };
    tokio::select! {
        () = renew(&tenure, &*row, last) => {}
        () = over => {}
    }
}

async fn renew(tenure: &Tenure, row: &dyn OwnerRow, mut last: Duration) {
    let mut is_failing = false;
    loop {
        rest(tenure, last, is_failing).await;
        last = tenure.begin();
        let word = bounded(tenure.pace.patience, row.renew(tenure.epoch)).await;
        is_failing = report(is_failing, &word);
        tenure.hear(last, word);
    }
}

/// Waits for the time of the next renewal. A lease in doubt is renewed as soon as somebody asks, but
/// not faster than a database that is away is tried.
async fn rest(tenure: &Tenure, last: Duration, is_failing: bool) {
    let until = |moment: Duration| time::sleep(moment.saturating_sub(tenure.now()));
    until(last + tenure.pace.retry).await;
    if !is_failing {
        tokio::select! {
            () = until(last + tenure.pace.renewal) => {}
            () = tenure.asked() => {}
        }
    }
}

/// Tells the log when renewals begin to fail and when they succeed again. Whether this one failed.
fn report(was_failing: bool, word: &Result<bool, RowError>) -> bool {
    match word {
        Ok(_) if was_failing => tracing::info!("the lease on the store is renewed again"),
        Err(why) if !was_failing => {
            tracing::warn!(%why, "the lease on the store could not be renewed, trying again");
        }
        _ => {}
    }
    word.is_err()
}

/// The answer of a call, if it comes in time.
pub(super) async fn bounded<T>(
    patience: Duration,
    call: impl Future<Output = Result<T, RowError>>,
) -> Result<T, RowError> {
    time::timeout(patience, call)
        .await
        .unwrap_or_else(|_| Err(RowError::Away(format!("no answer within {patience:?}"))))
}
