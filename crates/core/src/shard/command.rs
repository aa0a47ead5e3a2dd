//! What the front asks of the shard.

use super::{batches::Answer, unseated::Unseated};
use crate::{
    MessageId, Publication, PurgeError, ReadFailure, Start, Subject, SubscribeError,
    subscription::Standing,
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tracing::Span;

pub type SubscribeReply = oneshot::Sender<Result<Standing, SubscribeError>>;
pub type PurgeReply = oneshot::Sender<Result<MessageId, PurgeError>>;

pub enum Command {
    Publish {
        batch: Vec<Publication>,
        /// From the front to the answer, if it is recorded.
        span: Span,
        reply: oneshot::Sender<Vec<Answer>>,
        room: OwnedSemaphorePermit,
    },
    Subscribe {
        subject: Subject,
        start: Start,
        reply: SubscribeReply,
    },
    Purge {
        subject: Subject,
        up_to: Option<MessageId>,
        reply: PurgeReply,
    },
    /// Let nothing more in; end when all that was let in is answered.
    Close,
}

impl Command {
    /// Answers that nothing was done, and why. Who asked may be gone: then nobody wants to know.
    pub fn refuse(self, failure: ReadFailure) {
        let why = Unseated::Unread(failure);
        match self {
            Self::Publish { batch, reply, .. } => {
                drop(reply.send(vec![Err(why.into()); batch.len()]));
            }
            Self::Subscribe { reply, .. } => drop(reply.send(Err(why.into()))),
            Self::Purge { reply, .. } => drop(reply.send(Err(why.into()))),
            Self::Close => {}
        }
    }
}
