//! Where calls wait for a test's word.

use super::Hold;
use broker_core::StorageFuture;
use parking_lot::Mutex;
use std::{
    future::poll_fn,
    task::{Context, Poll},
};
use tokio::sync::{Notify, oneshot};

/// Calls that are held, longest first.
#[derive(Default)]
pub struct Gate {
    held: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
    changed: Notify,
}

impl Gate {
    /// Makes a call, when and as `hold` says. A held call is made and answered whether or not its
    /// future still lives; if the gate goes, its future never ends, as when a process dies.
    pub fn pass<T: 'static>(
        &self,
        hold: Hold,
        call: impl FnOnce() -> StorageFuture<T> + Send + 'static,
    ) -> StorageFuture<T> {
        match hold {
            Hold::No => call(),
            Hold::Start => {
                let (sender, started) = oneshot::channel();
                // A receiver that is gone changes nothing: the call is made.
                self.hold(Box::new(move || drop(sender.send(call()))));
                Box::pin(async move { released(started).await.await })
            }
            Hold::Answer => {
                let work = call();
                let (sender, answering) = oneshot::channel();
                self.hold(Box::new(move || _ = sender.send(())));
                Box::pin(async move {
                    released(answering).await;
                    work.await
                })
            }
            Hold::Polls(count) => {
                let work = call();
                Box::pin(async move {
                    let mut left = count;
                    poll_fn(|context| count_down(&mut left, context)).await;
                    work.await
                })
            }
        }
    }

    pub fn held(&self) -> usize {
        self.held.lock().len()
    }

    pub fn release(&self, place: usize) {
        let released = {
            let mut held = self.held.lock();
            (place < held.len()).then(|| held.remove(place))
        };
        if let Some(released) = released {
            released();
        }
    }

    pub async fn wait(&self, count: usize) {
        loop {
            let changed = self.changed.notified();
            if self.held() >= count {
                return;
            }
            changed.await;
        }
    }

    fn hold(&self, call: Box<dyn FnOnce() + Send>) {
        self.held.lock().push(call);
        self.changed.notify_waiters();
    }
}

async fn released<T>(word: oneshot::Receiver<T>) -> T {
    match word.await {
        Ok(word) => word,
        Err(_) => std::future::pending().await,
    }
}

fn count_down(left: &mut u32, context: &Context<'_>) -> Poll<()> {
    if *left == 0 {
        return Poll::Ready(());
    }
    *left -= 1;
    context.waker().wake_by_ref();
    Poll::Pending
}
