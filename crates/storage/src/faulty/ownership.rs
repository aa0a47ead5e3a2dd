//! Whose the store is, as a test says.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
};
use tokio::sync::watch;

/// This broker's, in doubt, or another one's.
#[derive(Default)]
pub struct Ownership {
    is_doubtful: AtomicBool,
    /// Why it is another one's.
    taken: watch::Sender<Option<String>>,
}

impl Ownership {
    pub fn doubt(&self, is_doubtful: bool) {
        self.is_doubtful.store(is_doubtful, Ordering::Release);
    }

    pub fn fence(&self, reason: &str) {
        self.taken.send_replace(Some(reason.to_owned()));
    }

    pub fn is_fenced(&self) -> bool {
        self.taken.borrow().is_some()
    }

    pub fn is_certain(&self) -> bool {
        !self.is_doubtful.load(Ordering::Acquire) && !self.is_fenced()
    }

    /// Done, with the reason, when it is another one's.
    pub fn taken(&self) -> impl Future<Output = String> + Send + use<> {
        let mut taken = self.taken.subscribe();
        async move {
            let reason = taken.wait_for(Option::is_some).await.ok().and_then(|taken| taken.clone());
            match reason {
                Some(reason) => reason,
                // The store is gone without it.
                None => std::future::pending().await,
            }
        }
    }
}
