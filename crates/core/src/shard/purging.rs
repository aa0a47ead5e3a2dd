//! A purge, from the call to its answer. It orders nothing with publishing: what it removes is released.

use super::PurgeReply;
use crate::{
    AppendError, MessageId, PurgeError, Subject,
    shared::{Phase, Shared},
};
use std::sync::Arc;

/// Has the store remove a subject's messages up to an id.
pub fn purge(shared: &Arc<Shared>, subject: &Subject, up_to: MessageId, reply: PurgeReply) {
    let purged = shared.storage.purge(subject, up_to);
    let shared = shared.clone();
    tokio::spawn(async move {
        let outcome = purged.await.map_err(|error| unpurged(error, &shared));
        // Who asked may be gone: then nobody wants to know.
        drop(reply.send(outcome.and_then(|()| acknowledged(&shared, up_to))));
    });
}

/// Whether the end of a purge may still be told in the owner's name.
fn acknowledged(shared: &Shared, up_to: MessageId) -> Result<MessageId, PurgeError> {
    if shared.phase() == Phase::Standby { Err(PurgeError::OutcomeUnknown) } else { Ok(up_to) }
}

/// Tells the observer what the caller is not told, and answers what the caller is.
fn unpurged(error: AppendError, shared: &Shared) -> PurgeError {
    if error == AppendError::Fenced {
        shared.notice_fence();
        return PurgeError::Standby;
    }
    shared.observer.storage_failed(&error.to_string());
    match error {
        AppendError::Full(bound) => PurgeError::Overloaded(bound),
        AppendError::Unavailable(_) => PurgeError::StorageUnavailable,
        AppendError::Unknown(_) | AppendError::Lost(_) => PurgeError::OutcomeUnknown,
        AppendError::Fenced => PurgeError::Standby,
    }
}
