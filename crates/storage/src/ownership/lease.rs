//! The lease of one owner.

use super::{
    OwnerRow, RowError,
    contest::Contest,
    keeper::{self, bounded},
    pace::Pace,
    tenure::{End, News, Tenure},
};
use crate::{DatabaseTimes, OpenError, OpenObserver};
use broker_core::{StorageFuture, SystemTime, TimeSource, Writable};
use std::{fmt, future, sync::Arc};
use tokio::{
    sync::watch,
    task::AbortHandle,
    time::{self, Instant},
};

/// The right to act for a store, for as long as it is renewed. A task of its own renews it until it is
/// given back, another broker took over, or the last clone is dropped (which gives nothing back).
#[derive(Clone)]
pub struct Lease {
    pub(super) tenure: Arc<Tenure>,
    row: Arc<dyn OwnerRow>,
    /// Nothing where a test drives the keeper.
    _keeper: Option<Arc<Keeper>>,
}

/// Why a lease could not be confirmed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// Another broker owns the store, for good.
    #[error("another broker owns the store")]
    Fenced,
    /// The database did not say in time whether this process still is the owner; for the log.
    #[error("{0}")]
    Away(String),
}

impl Lease {
    /// Waits until this process is the owner: at once if nobody is, else after the owner was silent for
    /// its whole lease. While the database is away it is tried again and again; a start that never stood
    /// by gives up after `times.start`.
    ///
    /// # Errors
    /// The database was away for too long, or it will not do.
    pub async fn acquire(
        row: Arc<dyn OwnerRow>,
        times: DatabaseTimes,
        observer: &dyn OpenObserver,
    ) -> Result<Self, OpenError> {
        let clock = Arc::new(SystemTime);
        let (mut lease, keeper) = Self::win(row, times, clock, observer).await?;
        let task = tokio::spawn(keeper);
        lease._keeper = Some(Arc::new(Keeper(task.abort_handle())));
        Ok(lease)
    }

    /// A lease by that clock, and what renews it.
    pub(super) async fn win(
        row: Arc<dyn OwnerRow>,
        times: DatabaseTimes,
        clock: Arc<dyn TimeSource>,
        observer: &dyn OpenObserver,
    ) -> Result<(Self, impl Future<Output = ()> + use<>), OpenError> {
        let won = Contest::new(&*row, &*clock, &times, observer).win().await?;
        let tenure = Arc::new(Tenure::new(won.epoch, won.begun, Pace::of(&times), clock));
        let keeper = keeper::keep(tenure.clone(), row.clone(), won.begun);
        Ok((Self { tenure, row, _keeper: None }, keeper))
    }

    /// The epoch that goes with everything this owner writes.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        self.tenure.epoch
    }

    /// As [`broker_core::Storage::is_owner`]: `true` while nobody can have taken over, and after that
    /// while renewals fail because the database is away. Costs a reading of the clock.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.tenure.is_owner()
    }

    /// Whether this process is the owner at a moment after the call: at once while nobody can have taken
    /// over, else after a renewal, which is sent at once. Waits hardly longer than one statement may take.
    ///
    /// # Errors
    /// See [`LeaseError`]. Afterwards this process may still turn out to be the owner, unless it is fenced.
    pub async fn confirm(&self) -> Result<(), LeaseError> {
        if self.tenure.is_valid() {
            return Ok(());
        }
        let mut news = self.tenure.news();
        let begun = news.borrow_and_update().begun;
        self.tenure.ask();
        time::timeout(self.tenure.pace.turn(), self.word(&mut news, begun))
            .await
            .unwrap_or_else(|_| Err(LeaseError::Away("the lease is in doubt".to_owned())))
    }

    /// The word of a renewal that was not among the first `begun`, or an earlier one that succeeded.
    async fn word(&self, news: &mut watch::Receiver<News>, begun: u64) -> Result<(), LeaseError> {
        loop {
            if self.tenure.is_over() {
                return Err(LeaseError::Fenced);
            }
            if self.tenure.is_valid() {
                return Ok(());
            }
            {
                let news = news.borrow_and_update();
                if let Some(why) = news.failure.as_ref().filter(|_| news.ended > begun) {
                    return Err(LeaseError::Away(why.clone()));
                }
            }
            if news.changed().await.is_err() {
                return Err(LeaseError::Fenced);
            }
        }
    }

    /// A statement found that another broker owns the store: this process acts for it never again.
    pub fn lose(&self, reason: impl Into<String>) {
        self.tenure.finish(End::Fenced(reason.into()));
    }

    /// As [`broker_core::Storage::fenced`].
    #[must_use]
    pub fn fenced(&self) -> StorageFuture<String> {
        let mut news = self.tenure.news();
        Box::pin(async move {
            let end = match news.wait_for(|news| news.end.is_some()).await {
                Ok(news) => news.end.clone(),
                Err(_) => None,
            };
            match end {
                Some(End::Fenced(reason)) => reason,
                Some(End::Released) | None => future::pending().await,
            }
        })
    }

    /// Gives the lease back, so that whoever stands by takes over at once; nothing may be under way that
    /// acts for the store. Tries for no longer than the statement's time limit; nothing is done where
    /// another broker took over.
    ///
    /// # Errors
    /// A sentence, for the log: the database did not take it back, and whoever stands by waits for the
    /// whole lease.
    pub async fn release(&self) -> Result<(), String> {
        if !self.tenure.finish(End::Released) {
            return Ok(());
        }
        let pace = self.tenure.pace;
        let released = bounded(pace.patience, async {
            loop {
                match self.row.release(self.tenure.epoch).await {
                    Err(RowError::Away(_)) => time::sleep(pace.retry).await,
                    word => return word,
                }
            }
        });
        released.await.map_err(|why| {
            format!("the lease was not given back, who takes over waits until it ends: {why}")
        })
    }

    /// Whether appends can succeed, by what was heard last: that `word`, at that moment, or by the
    /// latest sign of life if that is newer.
    #[must_use]
    pub fn latest(&self, word: Writable, heard: Instant) -> Writable {
        let (renewal, failure) = self.tenure.last_word();
        match word {
            Writable::Yes | Writable::Unavailable(_) if renewal > heard => {
                failure.map_or(Writable::Yes, Writable::Unavailable)
            }
            word => word,
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("epoch", &self.epoch()).finish_non_exhaustive()
    }
}

/// Ends the keeper's task with the last handle.
struct Keeper(AbortHandle);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}
