//! What one subscriber was shown, held against what is stored.

use crate::{
    audit::{Shown, Verdict, time},
    body::{self, Key, MARKER},
};
use broker_proto::MessageResponse;
use std::{collections::HashSet, sync::Arc, time::SystemTime};
use tokio_stream::StreamExt;
use tonic::{Status, Streaming};

/// The stored messages that one subscriber was shown, from the first that is kept on, in the order
/// they came.
#[derive(Debug, Clone)]
pub struct View {
    subject: Arc<str>,
    messages: Vec<MessageResponse>,
    /// The id of the last message, be it one of the load or a marker.
    last_id: u64,
}

impl View {
    /// Nothing yet.
    pub fn of(subject: Arc<str>) -> Self {
        Self { subject, messages: Vec::new(), last_id: 0 }
    }

    /// Whose messages these are.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// After which id the subscriber goes on.
    pub fn last_id(&self) -> u64 {
        self.last_id
    }

    /// Takes one more message. What is not stored and markers are no part of what is judged.
    pub fn push(&mut self, message: MessageResponse) {
        if message.id == 0 {
            return;
        }
        self.last_id = message.id;
        if body::decode(&message.body).is_none_or(|key| key.publisher != MARKER) {
            self.messages.push(message);
        }
    }

    /// Takes what a subscription shows, up to and including a marker.
    ///
    /// # Errors
    /// Why the subscription ended before it.
    pub async fn take(
        &mut self,
        stream: &mut Streaming<MessageResponse>,
        end: Key,
    ) -> Result<(), Status> {
        while let Some(message) = stream.next().await {
            let message = message?;
            let key = body::decode(&message.body);
            self.push(message);
            if key == Some(end) {
                return Ok(());
            }
        }
        Err(Status::aborted("the subscription ended without a status"))
    }

    /// Is what was shown here still there, and was all shown that is there?
    pub fn judge(&self, shown: &Shown, to: SystemTime, verdict: &mut Verdict) {
        let subject = &self.subject;
        let pairs = self.messages.windows(2);
        verdict.reordered += pairs.filter(|two| two[0].id >= two[1].id).count() as u64;
        for seen in &self.messages {
            let alive = seen.expires_at.as_ref().is_none_or(|at| time(at) > to);
            match shown.by_id(seen.id) {
                Some(message) => verdict.corrupt += u64::from(message.body != seen.body),
                None if alive => {
                    verdict.lost += 1;
                    verdict.show(|| format!("shown once, gone: id {} of {subject}", seen.id));
                }
                None => {}
            }
        }
        let ids: HashSet<u64> = self.messages.iter().map(|message| message.id).collect();
        for id in shown.ids().filter(|id| *id <= self.last_id && !ids.contains(id)) {
            verdict.skipped += 1;
            verdict.show(|| format!("a subscriber went past it: id {id} of {subject}"));
        }
    }
}
