//! Reading messages.

use super::{
    catalog,
    database::Database,
    facts::Facts,
    failure::Failure,
    guard::Guard,
    page::{self, LIGHT_ROWS},
    places::Places,
    shelf::{Partition, signed},
};
use broker_core::{Message, MessageId, Page, ReadError, Stored, Subject};
use futures_util::future::try_join_all;
use std::sync::Arc;

/// Partitions asked at once for one page: of light messages they give 4 MiB at most.
const PARTITIONS: usize = 4;
/// Rows of heavy messages that are asked for at once.
const HEAVY_ROWS: i32 = 2;
/// Entries of the index that are read at once: more than can lie before an id in the partitions of light
/// messages that hold it.
const ENTRIES: i32 = 128;
/// Rounds of one call. A page may be empty when much of what was passed is gone.
const ROUNDS: usize = 64;

/// Reads.
pub struct Reader {
    pub database: Arc<Database>,
    pub guard: Guard,
    pub places: Arc<Places>,
    pub facts: Arc<Facts>,
}

/// A page as it grows.
struct Growing {
    messages: Vec<Stored>,
    weight: usize,
    limit: usize,
}

impl Reader {
    pub async fn fetch(
        &self,
        subject: &Subject,
        id: MessageId,
    ) -> Result<Option<Arc<Message>>, ReadError> {
        let found = self.find(subject, id.0).await.map_err(Failure::read_error)?;
        match found {
            Some(Stored::Message(message)) => Ok(Some(message)),
            Some(Stored::Damaged(id)) => Err(ReadError::Damaged(id)),
            None => Ok(None),
        }
    }

    async fn find(&self, subject: &Subject, id: u64) -> Result<Option<Stored>, Failure> {
        if id == 0 || i64::try_from(id).is_err() {
            return Ok(None);
        }
        self.places.get(&self.database, &self.guard, subject).await?;
        let ask = |partition: Partition| async move {
            let statement = &self.database.table(partition.shelf.class).fetch;
            let values = (subject.as_bytes(), partition.bucket(), signed(id));
            let take = |columns| page::stored(subject, columns);
            let found = self.database.read(statement, values, take).await?;
            Ok::<_, Failure>(found.into_iter().flatten().next())
        };
        let partitions = self.facts.shelves().map(|shelf| shelf.partition(id));
        let found = try_join_all(partitions.map(ask)).await?;
        self.guard.confirm().await?;
        Ok(found.into_iter().flatten().next())
    }

    pub async fn read_after(
        &self,
        subject: &Subject,
        after: MessageId,
        limit: usize,
    ) -> Result<Page, ReadError> {
        let page = self.page(subject, after.0, limit).await;
        page.map_err(Failure::read_error)
    }

    async fn page(&self, subject: &Subject, after: u64, limit: usize) -> Result<Page, Failure> {
        if i64::try_from(after).is_err() {
            return Ok(Page::default());
        }
        self.places.get(&self.database, &self.guard, subject).await?;
        let mut page = Growing { messages: Vec::new(), weight: 0, limit };
        let mut next = Some(after);
        for _ in 0..ROUNDS {
            let Some(after) = next else { break };
            next = self.round(subject, after, &mut page).await?;
            if page.is_full() {
                break;
            }
        }
        self.guard.confirm().await?;
        Ok(Page { messages: page.messages, next: next.map(MessageId) })
    }

    /// Reads on from a few partitions; answers where to go on.
    async fn round(
        &self,
        subject: &Subject,
        after: u64,
        page: &mut Growing,
    ) -> Result<Option<u64>, Failure> {
        let from = after.saturating_add(1);
        let entries = catalog::partitions(&self.database, subject, from, u64::MAX, ENTRIES).await?;
        let is_all = entries.len() < ENTRIES.unsigned_abs() as usize;
        let mut chosen = entries;
        chosen.retain(|partition| partition.last() > after);
        let Some(first) = chosen.first() else { return Ok(None) };
        let begin = from.max(first.first);
        let at_least = chosen.iter().take_while(|partition| partition.first <= begin).count();
        let count = at_least.max(PARTITIONS.min(heavy_at(&chosen)));
        let rest = chosen.split_off(count.min(chosen.len()));
        let ask = |partition: &Partition| {
            let rows = if partition.shelf.is_heavy { HEAVY_ROWS } else { LIGHT_ROWS };
            page::read(&self.database, subject, *partition, after, rows)
        };
        let parts = try_join_all(chosen.iter().map(ask)).await?;
        let end = rest.first().map_or(u64::MAX, |partition| partition.first);
        let (messages, horizon) = page::merge(parts, end);
        let is_end = rest.is_empty() && is_all && horizon == u64::MAX - 1;
        let taken = page.take(messages);
        Ok(taken.or((!is_end).then_some(horizon)))
    }
}

/// How many partitions come before the second one of heavy messages.
fn heavy_at(partitions: &[Partition]) -> usize {
    let mut heavy = partitions.iter().enumerate().filter(|(_, it)| it.shelf.is_heavy);
    heavy.nth(1).map_or(partitions.len(), |(index, _)| index)
}

impl Growing {
    fn is_full(&self) -> bool {
        !self.messages.is_empty() && self.weight >= self.limit
    }

    /// Takes messages until it is full; the last id taken if that was not all.
    fn take(&mut self, messages: Vec<Stored>) -> Option<u64> {
        let mut messages = messages.into_iter();
        while !self.is_full() {
            let stored = messages.next()?;
            if let Stored::Message(message) = &stored {
                self.weight += message.weight();
            }
            self.messages.push(stored);
        }
        messages.next().and_then(|_| self.messages.last().map(|stored| stored.id().0))
    }
}
