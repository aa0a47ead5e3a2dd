//! The tables of messages, as this process knows them.

use super::{bucket::Bucket, statements::Statements};
use broker_core::{Message, Timestamp};
use parking_lot::{Mutex, RwLock};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// A table of messages.
pub struct Table {
    /// Its number, which is never used for another one.
    pub number: i64,
    /// Which messages are in it.
    pub bucket: Bucket,
    /// The statement that puts messages into it, none of which is there.
    pub insert: String,
    /// The same, of messages some of which may be there.
    pub insert_missing: String,
    /// Messages put into it, as far as this process knows.
    pub rows: AtomicU64,
    /// Statements under way that write to it.
    writers: AtomicUsize,
}

/// The right to write to a table: it is not dropped meanwhile.
pub struct Entry(Arc<Table>);

/// What stands where a message belongs.
pub enum Place {
    /// A table.
    Table(Entry),
    /// None yet.
    Missing,
    /// Nothing any more: what is in that bucket has expired.
    Dead,
}

/// Statements over the tables as they are at one moment.
pub struct Snapshot {
    /// Messages by subject and id; `None` without tables, as the next three.
    pub fetch: Option<String>,
    /// A page of a subject.
    pub page: Option<String>,
    /// The same of light messages.
    pub light_page: Option<String>,
    /// Counts of ranges.
    pub tally: Option<String>,
    /// Last ids of subjects.
    pub last_ids: String,
    /// Subjects from a name on.
    pub subjects_from: String,
    /// Subjects behind a name.
    pub subjects_behind: String,
}

/// The tables.
pub struct Catalog {
    statements: Arc<Statements>,
    shortest: Duration,
    state: Mutex<State>,
    snapshot: RwLock<Arc<Snapshot>>,
}

struct State {
    /// The latest time of a reclaim: what has ended by then is dead.
    horizon: Timestamp,
    tables: BTreeMap<Bucket, Arc<Table>>,
    /// Dead tables whose last ids are all written down.
    merged: Vec<i64>,
    /// The latest bucket of each width that was written to since somebody asked.
    used: BTreeMap<i64, Bucket>,
}

impl Catalog {
    /// The tables that are there.
    pub fn new(
        statements: Arc<Statements>,
        shortest: Duration,
        found: impl IntoIterator<Item = (i64, Bucket)>,
    ) -> Self {
        let tables = found
            .into_iter()
            .map(|(number, bucket)| (bucket, Arc::new(Table::new(&statements, number, bucket))))
            .collect();
        let state =
            State { horizon: Timestamp::MIN, tables, merged: Vec::new(), used: BTreeMap::new() };
        let snapshot = RwLock::new(Arc::new(state.snapshot(&statements)));
        Self { statements, shortest, state: Mutex::new(state), snapshot }
    }

    /// Where messages belong, one after the other.
    pub fn buckets<'a>(
        &self,
        messages: impl IntoIterator<Item = &'a Message>,
    ) -> impl Iterator<Item = Bucket> {
        let horizon = self.state.lock().horizon;
        messages.into_iter().map(move |message| Bucket::of(message, self.shortest, horizon))
    }

    /// A way into the table of a bucket.
    pub fn enter(&self, bucket: Bucket) -> Place {
        let mut state = self.state.lock();
        if bucket.is_dead(state.horizon) {
            return Place::Dead;
        }
        let Some(table) = state.tables.get(&bucket).cloned() else { return Place::Missing };
        if bucket != Bucket::KEEP {
            let used = state.used.entry(bucket.width).or_insert(bucket);
            *used = bucket.max(*used);
        }
        // Under the lock that decides what is dead.
        table.writers.fetch_add(1, Ordering::AcqRel);
        Place::Table(Entry(table))
    }

    /// Whether there is a table for that bucket.
    pub fn has(&self, bucket: Bucket) -> bool {
        self.state.lock().tables.contains_key(&bucket)
    }

    /// A table was made.
    pub fn add(&self, number: i64, bucket: Bucket) {
        self.change(|state| {
            let table = Arc::new(Table::new(&self.statements, number, bucket));
            state.tables.insert(bucket, table);
        });
    }

    /// A table was dropped.
    pub fn remove(&self, table: &Table) {
        self.change(|state| {
            state.tables.remove(&table.bucket);
            state.merged.retain(|number| *number != table.number);
        });
    }

    /// All last ids of a dead table are written down: it needs no reading any more.
    pub fn note_merged(&self, table: &Table) {
        self.change(|state| state.merged.push(table.number));
    }

    /// Lets die what ends by that time; answers the dead tables that nobody writes to.
    pub fn dead(&self, now: Timestamp) -> Vec<Arc<Table>> {
        let dies = {
            let state = self.state.lock();
            let dies = |bucket: &Bucket| bucket.is_dead(now) && !bucket.is_dead(state.horizon);
            state.tables.keys().any(dies)
        };
        if dies {
            self.change(|state| state.horizon = state.horizon.max(now));
        }
        let mut state = self.state.lock();
        state.horizon = state.horizon.max(now);
        let horizon = state.horizon;
        let dead = state.tables.values().filter(|table| table.bucket.is_dead(horizon));
        dead.filter(|table| table.writers.load(Ordering::Acquire) == 0).cloned().collect()
    }

    /// The buckets that come after those in use, where they have no table yet.
    pub fn needed_next(&self) -> Vec<Bucket> {
        let mut state = self.state.lock();
        let used = std::mem::take(&mut state.used);
        let next = used.into_values().filter_map(Bucket::next);
        next.filter(|bucket| !state.tables.contains_key(bucket)).collect()
    }

    /// Every table, dead ones too.
    pub fn all(&self) -> Vec<Arc<Table>> {
        self.state.lock().tables.values().cloned().collect()
    }

    /// Statements over the tables as they are now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read().clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        change(&mut state);
        // While the state is locked, so that an older snapshot never replaces a newer one.
        *self.snapshot.write() = Arc::new(state.snapshot(&self.statements));
    }
}

impl State {
    fn snapshot(&self, statements: &Statements) -> Snapshot {
        let numbers = |is_wanted: &dyn Fn(&Table) -> bool| -> Vec<i64> {
            self.tables
                .values()
                .filter(|table| is_wanted(table))
                .map(|table| table.number)
                .collect()
        };
        let living = numbers(&|table| !table.bucket.is_dead(self.horizon));
        let known = numbers(&|table| !self.merged.contains(&table.number));
        Snapshot {
            fetch: statements.fetch(&living),
            page: statements.page(&living),
            light_page: statements.light_page(&living),
            tally: statements.tally(&living),
            last_ids: statements.last_ids(&known),
            subjects_from: statements.subjects(&known, true),
            subjects_behind: statements.subjects(&known, false),
        }
    }
}

impl Table {
    fn new(statements: &Statements, number: i64, bucket: Bucket) -> Self {
        let (rows, writers) = (AtomicU64::new(0), AtomicUsize::new(0));
        let (insert, insert_missing) =
            (statements.insert(number), statements.insert_missing(number));
        Self { number, bucket, insert, insert_missing, rows, writers }
    }
}

impl Entry {
    /// The table.
    pub fn table(&self) -> &Table {
        &self.0
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.0.writers.fetch_sub(1, Ordering::AcqRel);
    }
}
