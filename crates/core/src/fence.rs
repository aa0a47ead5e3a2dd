//! The end of a broker whose store was taken over by another one.

use crate::Storage;
use std::{future::Future, sync::Arc};
use tokio::sync::{Notify, watch};

/// Whether the store is another broker's, and why.
#[derive(Default)]
pub struct Fence {
    /// A call of the store said so.
    noticed: Notify,
    /// Set when nobody waits for an answer any more.
    reason: watch::Sender<Option<Arc<str>>>,
}

impl Fence {
    /// Notes that a call of the store was answered so. The shard does the rest.
    pub fn notice(&self) {
        self.noticed.notify_one();
    }

    /// Done, with the reason, when the store or a call of it says so.
    pub async fn raised(&self, storage: &dyn Storage) -> String {
        let mut word = storage.fenced();
        tokio::select! {
            biased;
            reason = &mut word => reason,
            () = self.noticed.notified() => "the store said so in answer to a call".to_owned(),
        }
    }

    /// Tells who waits for it.
    pub fn tell(&self, reason: &str) {
        self.reason.send_replace(Some(reason.into()));
    }

    /// Done, with the reason, when that was told.
    pub fn told(&self) -> impl Future<Output = Arc<str>> + Send + use<> {
        let mut told = self.reason.subscribe();
        async move {
            let reason = told.wait_for(Option::is_some).await.ok().and_then(|told| told.clone());
            match reason {
                Some(reason) => reason,
                // The broker is gone without it.
                None => std::future::pending().await,
            }
        }
    }
}
