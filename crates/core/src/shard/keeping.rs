//! One append, from the call to the store's final word.

use crate::{AppendError, Appended, Message, Observer, PublishError, Storage, StorageFuture};
use std::{sync::Arc, time::Duration};

/// What became of a batch.
pub enum Kept {
    /// One word per message, in order.
    Decided(Vec<Result<(), PublishError>>),
    /// The same for every message.
    Failed(PublishError),
    /// Another broker owns the store.
    Fenced,
}

/// Starts an append at once; the future is only for its end. An unknown outcome is asked for again,
/// with the same ids, until it is known: nobody may see later messages of those subjects before.
pub fn keep(
    storage: Arc<dyn Storage>,
    observer: Arc<dyn Observer>,
    batch: Vec<Arc<Message>>,
    pause: Duration,
) -> impl Future<Output = Kept> + Send + 'static {
    let first = storage.append(batch.clone());
    async move {
        match first.await {
            Err(AppendError::Unknown(why)) => {
                observer.storage_failed(&why);
                repeat(storage, observer, batch, pause).await
            }
            outcome => kept(outcome, observer.as_ref()),
        }
    }
}

async fn repeat(
    storage: Arc<dyn Storage>,
    observer: Arc<dyn Observer>,
    batch: Vec<Arc<Message>>,
    pause: Duration,
) -> Kept {
    loop {
        tokio::time::sleep(pause).await;
        let again: StorageFuture<_> = storage.append(batch.clone());
        match again.await {
            // "Nothing was written" speaks of this try, not of the first.
            Err(
                error @ (AppendError::Unknown(_)
                | AppendError::Unavailable(_)
                | AppendError::Full(_)),
            ) => observer.storage_failed(&error.to_string()),
            Err(AppendError::Fenced) => return Kept::Fenced,
            outcome => return kept(outcome, observer.as_ref()),
        }
    }
}

fn kept(outcome: Result<Vec<Appended>, AppendError>, observer: &dyn Observer) -> Kept {
    match outcome {
        Ok(words) => {
            Kept::Decided(words.into_iter().map(|word| decision(word, observer)).collect())
        }
        Err(AppendError::Full(limit)) => {
            observer.overloaded(limit);
            Kept::Failed(PublishError::Overloaded(limit))
        }
        Err(AppendError::Unavailable(why)) => {
            observer.storage_failed(&why);
            Kept::Failed(PublishError::StorageUnavailable)
        }
        Err(AppendError::Unknown(why) | AppendError::Lost(why)) => {
            observer.storage_failed(&why);
            Kept::Failed(PublishError::OutcomeUnknown)
        }
        Err(AppendError::Fenced) => Kept::Fenced,
    }
}

fn decision(word: Appended, observer: &dyn Observer) -> Result<(), PublishError> {
    match word {
        Appended::Stored => Ok(()),
        Appended::Refused(why) => {
            observer.storage_failed(&why);
            Err(PublishError::Refused)
        }
        Appended::Unavailable(why) => {
            observer.storage_failed(&why);
            Err(PublishError::StorageUnavailable)
        }
        Appended::Unknown(why) => {
            observer.storage_failed(&why);
            Err(PublishError::OutcomeUnknown)
        }
    }
}
