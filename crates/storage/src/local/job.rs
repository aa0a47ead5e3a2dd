//! What the writer is asked for, and its answers.

use super::record;
use crate::trace::{self, System};
use broker_core::{AppendError, Appended, Message, MessageId, Subject, Timestamp};
use std::sync::Arc;
use tokio::sync::oneshot;
use tracing::Span;

/// What the writer is asked for.
pub enum Job {
    Append {
        batch: Vec<Arc<Message>>,
        /// The append's, if it is recorded.
        span: Span,
        reply: oneshot::Sender<Result<Vec<Appended>, AppendError>>,
    },
    Purge {
        subject: Subject,
        up_to: MessageId,
        reply: Reply,
    },
    KeepTime {
        now: Timestamp,
        reply: Reply,
    },
    /// Seal the active segment if it has this number, so that its space can come back.
    Seal {
        number: u64,
    },
    Close {
        reply: Reply,
    },
    /// See whether there is room again.
    Look,
    /// End without an end mark.
    Stop,
}

pub type Reply = oneshot::Sender<Result<(), AppendError>>;

/// Bytes a job takes in the segment.
pub fn weight(job: &Job) -> usize {
    match job {
        Job::Append { batch, .. } => batch
            .iter()
            .map(|message| {
                record::FIXED
                    + message.subject.as_bytes().len()
                    + message.headers.as_bytes().len()
                    + message.body.len()
            })
            .sum(),
        Job::Purge { subject, .. } => record::FIXED + subject.as_bytes().len(),
        Job::KeepTime { .. } | Job::Close { .. } => record::FIXED,
        // Sent by the store itself, past the queue's limit.
        Job::Seal { .. } | Job::Look | Job::Stop => 0,
    }
}

/// Answers all of a group alike.
pub fn answer(group: Vec<Job>, outcome: &Result<(), AppendError>) {
    // Who asked may be gone: then nobody wants to know.
    for job in group {
        match job {
            Job::Append { batch, reply, span } => {
                drop(span);
                let words = || vec![Appended::Stored; batch.len()];
                let _ = reply.send(outcome.clone().map(|()| words()));
            }
            Job::Purge { reply, .. } | Job::KeepTime { reply, .. } => {
                let _ = reply.send(outcome.clone());
            }
            Job::Seal { .. } | Job::Close { .. } | Job::Look | Job::Stop => {}
        }
    }
}

/// The span of a group's commit.
pub fn commit_span(group: &[Job]) -> Span {
    let appends = || {
        group.iter().filter_map(|job| match job {
            Job::Append { batch, span, .. } => Some((batch, span)),
            Job::Purge { .. }
            | Job::KeepTime { .. }
            | Job::Seal { .. }
            | Job::Close { .. }
            | Job::Look
            | Job::Stop => None,
        })
    };
    let spans = appends().map(|(_, span)| span);
    trace::commit(System::Local, spans, appends().flat_map(|(batch, _)| batch))
}
