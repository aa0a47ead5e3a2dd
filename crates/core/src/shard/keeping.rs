//! One append: a call of the store, and what its words mean for each message.

use super::PlaceKey;
use crate::{
    AppendError, Appended, Message, Observer, PublishError, StorageFuture, shared::Shared,
    trace::spans as trace,
};
use std::sync::Arc;
use tracing::Span;

/// A message, and its place in its subject's line.
pub type Placed = (Arc<Message>, PlaceKey);

/// Which append of a message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Try {
    /// Nothing of it can be in the store.
    First,
    /// The outcome of an earlier one is not known. "Nothing was written" speaks of this try only.
    Again,
}

/// What became of the messages of one append.
#[derive(Default)]
pub struct Kept {
    /// Places that are decided.
    pub decided: Vec<(PlaceKey, Result<(), PublishError>)>,
    /// Kept or not, the store does not know: to be appended again, with the same ids, until it does.
    /// Nobody may see later messages of those subjects before.
    pub unknown: Vec<Placed>,
    /// Another broker owns the store.
    pub is_fenced: bool,
}

/// Starts an append; the future is only for its end. A first one starts at once, because the store
/// takes calls in their order; a repeated one after a pause. `spans` are those of the batch.
pub fn keep(
    shared: &Arc<Shared>,
    which: Try,
    batch: Vec<Placed>,
    spans: Vec<Span>,
) -> impl Future<Output = Kept> + Send + 'static {
    let shared = shared.clone();
    let first = (which == Try::First).then(|| append(&shared, &batch, &spans));
    async move {
        let (under_way, span) = match first {
            Some(first) => first,
            None => {
                tokio::time::sleep(shared.limits.retry_pause).await;
                append(&shared, &batch, &spans)
            }
        };
        // Kept open by their batches, until they are answered.
        drop(spans);
        let outcome = under_way.await;
        trace::appended(&span, &outcome);
        drop(span);
        judge(outcome, which, batch, shared.observer.as_ref())
    }
}

/// Within a span of its own, for the store to find, if one of `spans` is recorded.
fn append(
    shared: &Shared,
    batch: &[Placed],
    spans: &[Span],
) -> (StorageFuture<Result<Vec<Appended>, AppendError>>, Span) {
    let messages = batch.iter().map(|(message, _)| message.clone()).collect();
    let span = trace::append(spans, batch.len());
    (span.in_scope(|| shared.storage.append(messages)), span)
}

/// What the store's words mean.
fn judge(
    outcome: Result<Vec<Appended>, AppendError>,
    which: Try,
    batch: Vec<Placed>,
    observer: &dyn Observer,
) -> Kept {
    let mut kept = Kept::default();
    match outcome {
        Ok(words) => {
            kept.decided.reserve(batch.len());
            let mut told = Told { observer, last: String::new() };
            for (placed, word) in batch.into_iter().zip(words) {
                match decision(word, which, &mut told) {
                    Some(decision) => kept.decided.push((placed.1, decision)),
                    None => kept.unknown.push(placed),
                }
            }
        }
        Err(error) => {
            kept.is_fenced = error == AppendError::Fenced;
            match failure(error, which, observer) {
                Some(error) => {
                    let failed = batch.into_iter().map(|(_, place)| (place, Err(error)));
                    kept.decided = failed.collect();
                }
                None => kept.unknown = batch,
            }
        }
    }
    kept
}

/// What a word decides; `None`: nothing yet.
fn decision(word: Appended, which: Try, told: &mut Told<'_>) -> Option<Result<(), PublishError>> {
    match (word, which) {
        (Appended::Stored, _) => Some(Ok(())),
        (Appended::Refused(why), _) => {
            told.tell(why);
            Some(Err(PublishError::Refused))
        }
        (Appended::Unavailable(why), Try::First) => {
            told.tell(why);
            Some(Err(PublishError::StorageUnavailable))
        }
        (Appended::Unavailable(why), Try::Again) | (Appended::Unknown(why), _) => {
            told.tell(why);
            None
        }
    }
}

/// What the failure of a whole append decides; `None`: nothing yet.
fn failure(error: AppendError, which: Try, observer: &dyn Observer) -> Option<PublishError> {
    match (error, which) {
        (AppendError::Full(limit), Try::First) => {
            observer.overloaded(limit);
            Some(PublishError::Overloaded(limit))
        }
        (AppendError::Unavailable(why), Try::First) => {
            observer.storage_failed(&why);
            Some(PublishError::StorageUnavailable)
        }
        (AppendError::Fenced, Try::First) => Some(PublishError::Standby),
        (AppendError::Fenced, Try::Again) => None,
        (AppendError::Lost(why), _) => {
            observer.storage_failed(&why);
            Some(PublishError::OutcomeUnknown)
        }
        (AppendError::Unknown(why), Try::First) => {
            observer.storage_failed(&why);
            None
        }
        (
            error @ (AppendError::Full(_) | AppendError::Unavailable(_) | AppendError::Unknown(_)),
            Try::Again,
        ) => {
            observer.storage_failed(&error.to_string());
            None
        }
    }
}

/// What the observer was told of an append: thousands of messages mostly fail for one reason.
struct Told<'a> {
    observer: &'a dyn Observer,
    last: String,
}

impl Told<'_> {
    fn tell(&mut self, why: String) {
        if why != self.last {
            self.observer.storage_failed(&why);
            self.last = why;
        }
    }
}
