//! Appending.
//!
//! An append is taken apart by subject and by partition; what belongs to one partition goes to the
//! database in unlogged batches, which there are as good as single writes. All batches of all appends are
//! on their way at once, up to a limit. The core hands over everything that waits in one append, so
//! nothing is gained by waiting for more here.

use super::{
    database::Database,
    facts::Facts,
    failure::Failure,
    guard::Guard,
    ledger::End,
    place::Place,
    places::Places,
    register::Register,
    settling,
    shelf::{Class, Partition, Shelf, content, signed, ttl},
    together,
};
use broker_core::{AppendError, Appended, Message, Subject, Timestamp};
use scylla::value::MaybeUnset;
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of the rows of one batch; a larger row goes alone. A server takes half a segment of its log.
const BATCH_BYTES: usize = 256 * 1024;
/// What a row costs beside its content, in bytes.
const ROW_BYTES: usize = 64;
/// Batches on their way at once.
const BATCHES: usize = 128;
/// Subjects of one append that are worked on at once.
const SUBJECTS: usize = 256;

/// Writes messages.
pub struct Writer {
    database: Arc<Database>,
    guard: Guard,
    places: Arc<Places>,
    facts: Arc<Facts>,
    register: Arc<Register>,
    batches: Semaphore,
    /// Bytes of messages that may be under way; all of it is free when nothing is.
    pub room: Arc<Semaphore>,
}

/// The message at this place of the append, and where it lies.
struct Item<'a> {
    index: usize,
    id: u64,
    message: &'a Message,
    partition: Partition,
}

/// A row of a table of messages, and how long it lives.
type Row<'a> = (&'a [u8], i64, i64, i64, MaybeUnset<i64>, MaybeUnset<&'a [u8]>, &'a [u8], i32, i32);

type Word = (usize, Result<(), Failure>);

impl Writer {
    pub fn new(
        database: Arc<Database>,
        guard: Guard,
        places: Arc<Places>,
        facts: Arc<Facts>,
        register: Arc<Register>,
        room: usize,
    ) -> Self {
        Self {
            database,
            guard,
            places,
            facts,
            register,
            batches: Semaphore::new(BATCHES),
            room: Arc::new(Semaphore::new(room)),
        }
    }

    /// Keeps messages. `room` is theirs and is given back at the end.
    pub async fn append(
        self: Arc<Self>,
        batch: Vec<Arc<Message>>,
        room: OwnedSemaphorePermit,
    ) -> Result<Vec<Appended>, AppendError> {
        let mut words = self.write(&batch).await;
        if let Err(failure) = self.guard.confirm().await.map_err(Failure::after) {
            for word in words.iter_mut().filter(|word| word.is_ok()) {
                *word = Err(failure.clone());
            }
        }
        drop(room);
        answer(words)
    }

    async fn write(self: &Arc<Self>, batch: &[Arc<Message>]) -> Vec<Result<(), Failure>> {
        let mut subjects: BTreeMap<&Subject, Vec<Item<'_>>> = BTreeMap::new();
        let never = || Err(Failure::Refused("the id is beyond what can be stored".into()));
        let mut words: Vec<_> = batch.iter().map(|_| never()).collect();
        for (index, message) in batch.iter().enumerate() {
            let id = message.id.0;
            if i64::try_from(id).is_ok() {
                let partition = Shelf::of(message).partition(id);
                let item = Item { index, id, message, partition };
                subjects.entry(&message.subject).or_default().push(item);
            }
        }
        let latest = batch.iter().map(|message| message.published_at).max();
        let groups = subjects.into_iter().map(|(subject, items)| self.group(subject, items));
        let groups = together::each(SUBJECTS, groups);
        let (groups, kept) =
            tokio::join!(groups, self.register.keep(latest.unwrap_or(Timestamp::MIN)));
        for (index, word) in groups.into_iter().flatten() {
            // A message is kept when its time is, too.
            let kept = || kept.clone().map_err(|why| Failure::Unknown(why.to_string()));
            words[index] = word.and_then(|()| kept());
        }
        words
    }

    /// Messages of one subject, ascending.
    async fn group(self: &Arc<Self>, subject: &Subject, items: Vec<Item<'_>>) -> Vec<Word> {
        let place = match self.places.get(&self.database, &self.guard, subject).await {
            Ok(place) => place,
            Err(failure) => return all(&items, &failure.before()),
        };
        let ids: Vec<u64> = items.iter().map(|item| item.id).collect();
        let partitions: BTreeSet<Partition> = items.iter().map(|item| item.partition).collect();
        let need = place.ledger.lock().begin(&ids, &partitions, Database::now());
        let prepared = place.prepare(&self.database, &self.guard, need.reserve, &need.entries);
        let words = match prepared.await {
            Ok(()) => self.put_all(&place, &items, &partitions, &need.again).await,
            Err(failure) => all(&items, &failure.before()),
        };
        let ends = words.iter().map(|(index, word)| (items_id(&items, *index), end(word)));
        place.ledger.lock().end(need.first, ends);
        self.prepare_ahead(place, partitions.last().map(|partition| partition.shelf));
        words
    }

    async fn put_all(
        &self,
        place: &Place,
        items: &[Item<'_>],
        partitions: &BTreeSet<Partition>,
        again: &[bool],
    ) -> Vec<Word> {
        if let Err(failure) = self.shelve(items, partitions).await {
            return all(items, &failure.before());
        }
        let there = match self.find(place, items, again).await {
            Ok(there) => there,
            Err(failure) => return all(items, &failure.before()),
        };
        let batches = batches(items, &there);
        let batches = together::each(BATCHES, batches.iter().map(|batch| self.put(batch))).await;
        let kept = items.iter().filter(|item| there.contains(&item.id));
        kept.map(|item| (item.index, Ok(()))).chain(batches.into_iter().flatten()).collect()
    }

    /// Has the database know what it must know before these messages may be found.
    async fn shelve(
        &self,
        items: &[Item<'_>],
        partitions: &BTreeSet<Partition>,
    ) -> Result<(), Failure> {
        let shelves: BTreeSet<Shelf> = partitions.iter().map(|partition| partition.shelf).collect();
        let mut is_new = false;
        for shelf in shelves {
            is_new |= self.facts.use_shelf(shelf, &self.guard).await?;
        }
        for item in items.iter().filter(|item| item.partition.shelf.class == Class::Endless) {
            self.facts.note_due(item.message, item.partition, &self.guard).await?;
        }
        if is_new { self.guard.confirm().await } else { Ok(()) }
    }

    /// Those of the ids that are there already. Only ids that were handed over before are looked for.
    async fn find(
        &self,
        place: &Place,
        items: &[Item<'_>],
        again: &[bool],
    ) -> Result<HashSet<u64>, Failure> {
        let mut spans: BTreeMap<Partition, (u64, u64)> = BTreeMap::new();
        for (item, _) in items.iter().zip(again).filter(|(_, again)| **again) {
            let span = spans.entry(item.partition).or_insert((item.id, item.id));
            span.1 = item.id;
        }
        let mut there = HashSet::new();
        for (partition, (first, last)) in spans {
            let (database, subject) = (&self.database, &place.subject);
            there.extend(settling::scan(database, subject, partition, first - 1, last).await?);
        }
        Ok(there)
    }

    /// Writes rows of one partition.
    async fn put(&self, batch: &[&Item<'_>]) -> Vec<Word> {
        let Some(first) = batch.first() else { return Vec::new() };
        let statement = &self.database.table(first.partition.shelf.class).insert;
        let rows: Vec<Row<'_>> = batch.iter().map(|item| row(item)).collect();
        let word = {
            // Never closed.
            let _turn = self.batches.acquire().await;
            let put =
                || async { self.database.write_all(statement, &rows, self.guard.stamp()?).await };
            self.database.patiently(put).await
        };
        match word {
            // One of them is bad, and the others shall not suffer for it.
            Err(Failure::Refused(_)) if batch.len() > 1 => {
                let (front, back) = batch.split_at(batch.len() / 2);
                let mut words = Box::pin(self.put(front)).await;
                words.extend(Box::pin(self.put(back)).await);
                words
            }
            word => batch.iter().map(|item| (item.index, word.clone())).collect(),
        }
    }

    /// Prepares the next ids of a subject that is used much, while nobody waits.
    fn prepare_ahead(self: &Arc<Self>, place: Arc<Place>, shelf: Option<Shelf>) {
        let Some(shelf) = shelf.filter(|shelf| !shelf.is_heavy) else { return };
        let Some((reserve, next)) = place.ledger.lock().ahead(shelf, Database::now()) else {
            return;
        };
        let Ok(room) = self.room.clone().try_acquire_owned() else {
            return place.ledger.lock().prepared();
        };
        let writer = self.clone();
        tokio::spawn(async move {
            let reserve = (reserve > 0).then_some(reserve);
            // If it fails, whoever needs it does it.
            let _ = place.prepare(&writer.database, &writer.guard, reserve, &next).await;
            place.ledger.lock().prepared();
            drop(room);
        });
    }
}

/// The messages in batches: each of one partition, and bounded in bytes.
fn batches<'a, 'b>(items: &'a [Item<'b>], there: &HashSet<u64>) -> Vec<Vec<&'a Item<'b>>> {
    let mut open: BTreeMap<Partition, (usize, Vec<&Item<'_>>)> = BTreeMap::new();
    let mut full = Vec::new();
    for item in items.iter().filter(|item| !there.contains(&item.id)) {
        let bytes = ROW_BYTES + item.message.subject.as_bytes().len() + content(item.message);
        let (weight, batch) = open.entry(item.partition).or_default();
        if *weight + bytes > BATCH_BYTES && !batch.is_empty() {
            full.push(std::mem::take(batch));
            *weight = 0;
        }
        *weight += bytes;
        batch.push(item);
    }
    full.extend(open.into_values().map(|(_, batch)| batch));
    full
}

fn row<'a>(item: &Item<'a>) -> Row<'a> {
    let message = item.message;
    let headers = message.headers.as_bytes();
    (
        message.subject.as_bytes(),
        item.partition.bucket(),
        signed(item.id),
        message.published_at.0,
        message.expires_at.map_or(MaybeUnset::Unset, |at| MaybeUnset::Set(at.0)),
        if headers.is_empty() { MaybeUnset::Unset } else { MaybeUnset::Set(headers) },
        &message.body,
        i32::try_from(content(message)).unwrap_or(i32::MAX),
        ttl(message),
    )
}

fn all(items: &[Item<'_>], failure: &Failure) -> Vec<Word> {
    items.iter().map(|item| (item.index, Err(failure.clone()))).collect()
}

fn items_id(items: &[Item<'_>], index: usize) -> u64 {
    items.iter().find(|item| item.index == index).map_or(0, |item| item.id)
}

fn end(word: &Result<(), Failure>) -> End {
    match word {
        Ok(()) => End::Stored,
        Err(Failure::Unknown(_)) => End::Unknown,
        Err(Failure::Refused(_)) => End::Refused,
        Err(Failure::NotDone(_) | Failure::Fenced) => End::Absent,
    }
}

/// The words of an append; what holds for all of them is said once.
fn answer(words: Vec<Result<(), Failure>>) -> Result<Vec<Appended>, AppendError> {
    let is_unknown = |word: &Result<(), Failure>| matches!(word, Err(Failure::Unknown(_)));
    let is_not_done = |word: &Result<(), Failure>| matches!(word, Err(Failure::NotDone(_)));
    let is_fenced = |word: &Result<(), Failure>| *word == Err(Failure::Fenced);
    match words.first() {
        Some(Err(Failure::Unknown(why))) if words.iter().all(is_unknown) => {
            Err(AppendError::Unknown(why.clone()))
        }
        Some(Err(Failure::NotDone(why))) if words.iter().all(is_not_done) => {
            Err(AppendError::Unavailable(why.clone()))
        }
        Some(Err(Failure::Fenced)) if words.iter().all(is_fenced) => Err(AppendError::Fenced),
        _ => {
            let word =
                |word: Result<(), Failure>| word.map_or_else(Failure::word, |()| Appended::Stored);
            Ok(words.into_iter().map(word).collect())
        }
    }
}
