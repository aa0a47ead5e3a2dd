//! The messages of a subject that have not expired, one after the other.

use super::patience::Patience;
use anyhow::Result;
use broker_core::{MessageId, Storage, Stored, Subject, Timestamp};
use std::{collections::VecDeque, sync::Arc};

/// Bytes of a page: of each subject under way a few of these are in memory.
pub const PAGE_BYTES: usize = 1024 * 1024;

/// A place in a subject.
pub struct Cursor<'a> {
    storage: &'a Arc<dyn Storage>,
    patience: &'a Patience,
    subject: &'a Subject,
    /// Who expires by then is passed over.
    now: Timestamp,
    /// Where to read on; `None` at the end.
    next: Option<MessageId>,
    page: VecDeque<Stored>,
}

impl<'a> Cursor<'a> {
    /// Behind that id.
    pub fn new(
        storage: &'a Arc<dyn Storage>,
        patience: &'a Patience,
        subject: &'a Subject,
        after: MessageId,
        now: Timestamp,
    ) -> Self {
        Self { storage, patience, subject, now, next: Some(after), page: VecDeque::new() }
    }

    /// The next page of them; none at the end, and only there.
    pub async fn page(&mut self) -> Result<Vec<Stored>> {
        self.fill().await?;
        Ok(std::mem::take(&mut self.page).into())
    }

    /// The next one, which is not passed yet.
    pub async fn peek(&mut self) -> Result<Option<&Stored>> {
        self.fill().await?;
        Ok(self.page.front())
    }

    /// Passes the next one.
    pub fn pass(&mut self) {
        self.page.pop_front();
    }

    async fn fill(&mut self) -> Result<()> {
        while let (true, Some(after)) = (self.page.is_empty(), self.next) {
            let read = || self.storage.read_after(self.subject, after, PAGE_BYTES);
            let page = self.patience.ask(read).await?;
            self.next = page.next;
            let now = self.now;
            let is_kept = |stored: &Stored| match stored {
                Stored::Message(message) => !message.is_expired(now),
                Stored::Damaged(_) => true,
            };
            self.page.extend(page.messages.into_iter().filter(is_kept));
        }
        Ok(())
    }
}
