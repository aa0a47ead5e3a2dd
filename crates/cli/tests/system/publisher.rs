//! A publisher that sends one message after the other and remembers what it was told.

use crate::{
    audit::Auditor,
    body::Key,
    calls::{self, Client},
    entry::{Entry, Lifetime, Outcome},
};
use std::{sync::Arc, time::SystemTime};
use tonic::Status;

/// The only publisher of a test.
#[derive(Debug, Default)]
pub struct Publisher {
    entries: Vec<Entry>,
}

impl Publisher {
    /// Publishes one message with a body of so many bytes, and remembers the answer.
    pub async fn publish(
        &mut self,
        client: &Client,
        subject: &str,
        lifetime: Lifetime,
        bytes: usize,
    ) -> Result<u64, Status> {
        let key = Key { publisher: 1, number: self.entries.len() as u64 + 1 };
        let mut entry = Entry::new(key, &Arc::from(subject), lifetime);
        let answer = calls::publish(client, entry.request(bytes)).await;
        entry.outcome = match &answer {
            Ok(id) => Outcome::Acked { id: *id, at: SystemTime::now() },
            Err(status) if calls::is_refusal(status) => Outcome::Refused,
            Err(_) => Outcome::Unknown,
        };
        self.entries.push(entry);
        answer
    }

    /// What it sent.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Holds it against what the broker shows.
    pub async fn audit(self, client: &Client) {
        let mut auditor = Auditor::default();
        auditor.add(self.entries);
        let verdict = auditor.audit(client).await;
        println!("{verdict}");
        assert!(verdict.is_good(), "{verdict}");
    }
}
