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
use tokio::sync::Semaphore;

/// Partitions asked at once for one page: of light messages they give 4 MiB at most.
const PARTITIONS: usize = 4;
/// Rows of heavy messages that are asked for at once.
const HEAVY_ROWS: usize = 2;
/// Entries of the index that are read at once: more than can lie before an id in the partitions of light
/// messages that hold it.
const ENTRIES: i32 = 128;
/// Fetches of heavy messages at once: each brings up to 4 MiB, twice while it is made of the answer.
const HEAVY_FETCHES: usize = 8;
/// Up to so many messages are looked for before the index is.
const FEW_ROWS: usize = 64;
/// Rounds of one call. A page may be empty when much of what was passed is gone.
const ROUNDS: usize = 64;

/// Reads.
pub struct Reader {
    pub database: Arc<Database>,
    pub guard: Guard,
    pub places: Arc<Places>,
    pub facts: Arc<Facts>,
    heavy: Semaphore,
}

/// A page as it grows.
struct Growing {
    messages: Vec<Stored>,
    weight: usize,
    limit: usize,
    /// What a message of this subject weighs at least.
    least: usize,
}

impl Reader {
    pub fn new(
        database: Arc<Database>,
        guard: Guard,
        places: Arc<Places>,
        facts: Arc<Facts>,
    ) -> Self {
        Self { database, guard, places, facts, heavy: Semaphore::new(HEAVY_FETCHES) }
    }

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
        let partitions = self.facts.shelves().map(|shelf| shelf.partition(id));
        let (heavy, light): (Vec<_>, Vec<_>) = partitions.partition(|it| it.shelf.is_heavy);
        let mut found = self.find_in(subject, id, light).await?;
        if found.is_none() && !heavy.is_empty() {
            // Never closed.
            let _turn = self.heavy.acquire().await;
            found = self.find_in(subject, id, heavy).await?;
        }
        self.guard.confirm().await?;
        Ok(found)
    }

    async fn find_in(
        &self,
        subject: &Subject,
        id: u64,
        partitions: Vec<Partition>,
    ) -> Result<Option<Stored>, Failure> {
        let ask = |partition: Partition| async move {
            let statement = &self.database.table(partition.shelf.class).fetch;
            let values = (subject.as_bytes(), partition.bucket(), signed(id));
            let take = |columns| page::stored(subject, columns);
            self.database.read(statement, values, take).await
        };
        let found = try_join_all(partitions.into_iter().map(ask)).await?;
        Ok(found.into_iter().flatten().flatten().next())
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
        // Behind it there is nothing to read, however far a partition goes.
        let last = self.places.get(&self.database, &self.guard, subject).await?.last();
        let is_before_last = |next: &u64| *next < last;
        let least = Message::BOOKKEEPING + subject.as_bytes().len();
        let mut page = Growing { messages: Vec::new(), weight: 0, limit, least };
        let mut next = Some(after);
        if page.rows() <= FEW_ROWS {
            next = Some(self.near(subject, after, &mut page).await?);
        }
        for _ in 0..ROUNDS {
            let Some(after) = next.filter(is_before_last).filter(|_| !page.is_full()) else {
                break;
            };
            next = self.round(subject, after, &mut page).await?;
        }
        self.guard.confirm().await?;
        Ok(Page { messages: page.messages, next: next.filter(is_before_last).map(MessageId) })
    }

    /// Reads on in the partitions of the next id, whether or not they hold anything; answers where to go
    /// on. Quicker than to look for partitions first, where few messages are wanted.
    async fn near(
        &self,
        subject: &Subject,
        after: u64,
        page: &mut Growing,
    ) -> Result<u64, Failure> {
        let near: Vec<_> = self.facts.shelves().map(|shelf| shelf.partition(after + 1)).collect();
        let Some(last) = near.iter().map(|partition| partition.last()).min() else {
            return Ok(after);
        };
        let parts = self.read(subject, &near, after, page.rows()).await?;
        let (messages, horizon) = page::merge(parts, last + 1);
        Ok(page.take(messages).unwrap_or(horizon))
    }

    /// Reads on from a few partitions; answers where to go on.
    async fn round(
        &self,
        subject: &Subject,
        after: u64,
        page: &mut Growing,
    ) -> Result<Option<u64>, Failure> {
        let from = after.saturating_add(1);
        let mut chosen =
            catalog::partitions(&self.database, subject, from, u64::MAX, ENTRIES).await?;
        let is_all = chosen.len() < ENTRIES.unsigned_abs() as usize;
        chosen.retain(|partition| partition.last() > after);
        let Some(first) = chosen.first() else { return Ok(None) };
        let begin = from.max(first.first);
        let at_least = chosen.iter().take_while(|partition| partition.first <= begin).count();
        let wanted = PARTITIONS.min(page.rows() / LIGHT_ROWS + 1).min(heavy_at(&chosen));
        let rest = chosen.split_off(at_least.max(wanted).min(chosen.len()));
        let parts = self.read(subject, &chosen, after, page.rows()).await?;
        let end = rest.first().map_or(u64::MAX, |partition| partition.first);
        let (messages, horizon) = page::merge(parts, end);
        let is_end = rest.is_empty() && is_all && horizon == u64::MAX - 1;
        Ok(page.take(messages).or((!is_end).then_some(horizon)))
    }

    async fn read(
        &self,
        subject: &Subject,
        partitions: &[Partition],
        after: u64,
        rows: usize,
    ) -> Result<Vec<page::Part>, Failure> {
        let ask = |partition: &Partition| {
            let most = if partition.shelf.is_heavy { HEAVY_ROWS } else { LIGHT_ROWS };
            page::read(&self.database, subject, *partition, after, rows.min(most))
        };
        try_join_all(partitions.iter().map(ask)).await
    }
}

/// How many partitions come before the second one of heavy messages.
fn heavy_at(partitions: &[Partition]) -> usize {
    let mut heavy = partitions.iter().enumerate().filter(|(_, it)| it.shelf.is_heavy);
    heavy.nth(1).map_or(partitions.len(), |(index, _)| index)
}

impl Growing {
    /// How many messages there is room for at most.
    fn rows(&self) -> usize {
        self.limit.saturating_sub(self.weight) / self.least + 1
    }

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
