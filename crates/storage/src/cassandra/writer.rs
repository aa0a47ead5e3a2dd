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
    ledger::{End, Need},
    place::Place,
    places::Places,
    register::Register,
    rows::{Item, Row, batches, row},
    settling,
    shelf::{Class, Partition, Shelf},
    together,
};
use crate::{
    database::{Answer, Word, whole},
    trace::{self, System},
};
use broker_core::{
    Message, Subject, Timestamp,
    trace::{failed, note},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tracing::{Instrument, Span};

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

/// Messages of one append that have one subject, ascending.
struct Group {
    subject: Subject,
    items: Vec<Item>,
    partitions: BTreeSet<Partition>,
    /// The subject and what it needs, if it was known when the append began.
    begun: Option<(Arc<Place>, Need)>,
}

/// What became of the message at that place of the append.
type Kept = (usize, Result<(), Failure>);

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

    /// Begins to keep messages: in the order of calls, so that ids that follow each other are not taken
    /// for repeated ones. The future is for the rest; `room` is theirs and is given back at the end.
    pub fn append(
        self: Arc<Self>,
        batch: Vec<Arc<Message>>,
        room: OwnedSemaphorePermit,
    ) -> impl Future<Output = Answer> + Send + use<> {
        let groups = self.begin(&batch);
        let span = trace::commit(System::Cassandra, [&Span::current()].into_iter(), batch.iter());
        let within = span.clone();
        let work = async move {
            let mut words = self.write(&batch, groups).await;
            if let Err(failure) = self.guard.confirm().await.map_err(Failure::after) {
                for word in words.iter_mut().filter(|word| word.is_ok()) {
                    *word = Err(failure.clone());
                }
            }
            drop(room);
            let word =
                |word: Result<(), Failure>| word.map_or_else(Failure::word, |()| Word::Stored);
            let answer = whole(words.into_iter().map(word).collect());
            if let Err(error) = &answer {
                failed(&span, error);
            }
            answer
        };
        work.instrument(within)
    }

    fn begin(&self, batch: &[Arc<Message>]) -> Vec<Group> {
        let mut subjects: BTreeMap<&Subject, Vec<Item>> = BTreeMap::new();
        for (index, message) in batch.iter().enumerate() {
            let (id, message) = (message.id.0, message.clone());
            if i64::try_from(id).is_ok() {
                let partition = Shelf::of(&message).partition(id);
                let items = subjects.entry(&batch[index].subject).or_default();
                items.push(Item { index, id, message, partition });
            }
        }
        let begin = |(subject, items): (&Subject, Vec<Item>)| {
            let partitions: BTreeSet<_> = items.iter().map(|item| item.partition).collect();
            let begun = self.places.find(subject).map(|place| {
                let need = need(&place, &items, &partitions);
                (place, need)
            });
            Group { subject: subject.clone(), items, partitions, begun }
        };
        subjects.into_iter().map(begin).collect()
    }

    async fn write(
        self: &Arc<Self>,
        batch: &[Arc<Message>],
        groups: Vec<Group>,
    ) -> Vec<Result<(), Failure>> {
        let never = || Err(Failure::Refused("the id is beyond what can be stored".into()));
        let mut words: Vec<_> = batch.iter().map(|_| never()).collect();
        let latest = batch.iter().map(|message| message.published_at).max();
        let groups = together::each(SUBJECTS, groups.into_iter().map(|group| self.keep(group)));
        let (groups, kept) =
            tokio::join!(groups, self.register.keep(latest.unwrap_or(Timestamp::MIN)));
        for (index, word) in groups.into_iter().flatten() {
            // A message is kept when its time is, too.
            let kept = || kept.clone().map_err(|why| Failure::Unknown(why.to_string()));
            words[index] = word.and_then(|()| kept());
        }
        words
    }

    /// Keeps messages of one subject.
    async fn keep(self: &Arc<Self>, group: Group) -> Vec<Kept> {
        let Group { subject, items, partitions, begun } = group;
        let (place, need) = match begun {
            Some(begun) => begun,
            None => match self.places.get(&self.database, &self.guard, &subject).await {
                Ok(place) => {
                    let need = need(&place, &items, &partitions);
                    (place, need)
                }
                Err(failure) => return all(&items, &failure.before()),
            },
        };
        let prepared = place.prepare(&self.database, &self.guard, need.reserve, &need.entries);
        let words = match prepared.await {
            Ok(()) => self.put_all(&place, &items, &partitions, &need.again).await,
            Err(failure) => all(&items, &failure.before()),
        };
        let ends = words.iter().map(|(index, word)| (id_at(&items, *index), end(word)));
        place.ledger.lock().end(need.first, ends);
        self.prepare_ahead(place, partitions.last().map(|partition| partition.shelf));
        words
    }

    async fn put_all(
        &self,
        place: &Place,
        items: &[Item],
        partitions: &BTreeSet<Partition>,
        again: &[bool],
    ) -> Vec<Kept> {
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
        items: &[Item],
        partitions: &BTreeSet<Partition>,
    ) -> Result<(), Failure> {
        let shelves: BTreeSet<Shelf> = partitions.iter().map(|partition| partition.shelf).collect();
        let mut is_new = false;
        for shelf in shelves {
            is_new |= self.facts.use_shelf(shelf, &self.guard).await?;
        }
        for item in items.iter().filter(|item| item.partition.shelf.class == Class::Endless) {
            self.facts.note_due(&item.message, item.partition, &self.guard).await?;
        }
        if is_new { self.guard.confirm().await } else { Ok(()) }
    }

    /// Those of the ids that are there already. Only ids that were handed over before are looked for.
    async fn find(
        &self,
        place: &Place,
        items: &[Item],
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
    async fn put(&self, batch: &[&Item]) -> Vec<Kept> {
        let Some(first) = batch.first() else { return Vec::new() };
        let statement = &self.database.table(first.partition.shelf.class).insert;
        let rows: Vec<Row<'_>> = batch.iter().map(|item| row(item)).collect();
        let word = {
            // Never closed.
            let _turn = self.batches.acquire().await;
            note(&Span::current(), "sent");
            let put =
                || async { self.database.write_all(statement, &rows, self.guard.stamp()?).await };
            let begun = Instant::now();
            let word = self.database.patiently(put).await;
            if word.is_ok() {
                self.database.activity.count_commit(rows.len(), begun.elapsed());
            }
            note(&Span::current(), "answered");
            word
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

/// Begins the messages of a subject, and answers what they need before they are handed over.
fn need(place: &Place, items: &[Item], partitions: &BTreeSet<Partition>) -> Need {
    let ids: Vec<u64> = items.iter().map(|item| item.id).collect();
    place.ledger.lock().begin(&ids, partitions, Database::now())
}

/// The id of the message at that place of the append, which is one of these: they are in its order.
fn id_at(items: &[Item], index: usize) -> u64 {
    items.binary_search_by_key(&index, |item| item.index).map_or(0, |place| items[place].id)
}

fn all(items: &[Item], failure: &Failure) -> Vec<Kept> {
    items.iter().map(|item| (item.index, Err(failure.clone()))).collect()
}

fn end(word: &Result<(), Failure>) -> End {
    match word {
        Ok(()) => End::Stored,
        Err(Failure::Unknown(_)) => End::Unknown,
        Err(Failure::Refused(_)) => End::Refused,
        Err(Failure::NotDone(_) | Failure::Fenced) => End::Absent,
    }
}
