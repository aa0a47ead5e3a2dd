//! The model: every message that was ever kept, and what was done to it since.

use super::calls::{Call, Draft, SUBJECTS};
use crate::support::{Bench, Restart, message};
use broker_core::{Appended, Headers, Message, MessageId, Tally, Timestamp};
use std::{collections::BTreeMap, sync::Arc};

/// What the store under test must show.
pub struct Model {
    bench: Bench,
    subjects: [Known; SUBJECTS.len()],
    batches: Vec<Vec<Arc<Message>>>,
    now: i64,
    /// The latest time of a reclaim: what expired by then may be gone.
    reclaimed: i64,
    kept_time: i64,
}

#[derive(Default)]
struct Known {
    last: u64,
    purged: u64,
    messages: BTreeMap<u64, Arc<Message>>,
}

impl Model {
    pub fn new(bench: Bench) -> Self {
        Self {
            bench,
            subjects: Default::default(),
            batches: Vec::new(),
            now: 1_000,
            reclaimed: i64::MIN,
            kept_time: i64::MIN,
        }
    }

    pub async fn make(&mut self, call: &Call) {
        match call {
            Call::Append(drafts) => {
                let batch = self.number(drafts);
                self.append(batch).await;
            }
            Call::AppendSwapped(drafts, at) => {
                let mut batch = self.number(drafts);
                let later = batch.split_off((*at).min(batch.len() - 1));
                self.append(later).await;
                self.append(batch).await;
            }
            Call::AppendAtOnce(batches) => self.append_at_once(batches).await,
            Call::Repeat(index) => self.repeat(index).await,
            Call::Fetch(subject, index) => {
                let id = index.index(self.subjects[*subject].last as usize + 2) as u64;
                self.fetch(*subject, id).await;
            }
            Call::Read { subject, after, limit } => {
                let after = after.index(self.subjects[*subject].last as usize + 2) as u64;
                self.read(*subject, after, *limit).await;
            }
            Call::Subjects(limit) => self.list(*limit).await,
            Call::Purge(subject, index) => {
                let up_to = index.index(self.subjects[*subject].last as usize + 1) as u64;
                self.purge(*subject, up_to).await;
            }
            Call::Reclaim(passed, calls) => self.reclaim(*passed, *calls).await,
            Call::KeepTime(ahead) => {
                let time = Timestamp(self.now + ahead - 25);
                self.bench.storage().keep_time(time).await.unwrap();
                self.kept_time = self.kept_time.max(time.0);
            }
            Call::Restart(how) => self.restart(*how).await,
        }
        assert_eq!(self.bench.storage().kept_time().0, self.kept_time);
    }

    /// Looks at everything.
    pub async fn check_all(&self) {
        for subject in 0..SUBJECTS.len() {
            self.read(subject, 0, 4_096).await;
            for id in 0..=self.subjects[subject].last + 1 {
                self.fetch(subject, id).await;
            }
        }
        self.list(3).await;
    }

    /// Makes messages of drafts, with the next ids. Time goes on by one.
    fn number(&mut self, drafts: &[Draft]) -> Vec<Arc<Message>> {
        self.now += 1;
        let mut batch = Vec::new();
        for Draft { subject, lifetime, body } in drafts {
            let known = &mut self.subjects[*subject];
            known.last += 1;
            let id = known.last;
            let expires_at = lifetime.map(|lifetime| self.now + lifetime);
            let body = vec![id as u8; *body];
            let headers = Headers::from_pairs([("id", id.to_string().as_str())]).unwrap();
            batch.push(message(SUBJECTS[*subject], id, self.now, expires_at, headers, body));
        }
        batch
    }

    fn note(&mut self, batch: Vec<Arc<Message>>) {
        for message in &batch {
            let at = SUBJECTS.iter().position(|name| *name == message.subject.as_str()).unwrap();
            self.subjects[at].messages.insert(message.id.0, message.clone());
            self.kept_time = self.kept_time.max(message.published_at.0);
        }
        self.batches.push(batch);
    }

    async fn append(&mut self, batch: Vec<Arc<Message>>) {
        self.bench.append(batch.clone()).await;
        self.note(batch);
    }

    async fn append_at_once(&mut self, batches: &[Vec<Draft>]) {
        let batches: Vec<_> = batches.iter().map(|drafts| self.number(drafts)).collect();
        let storage = self.bench.storage();
        let appends: Vec<_> = batches.iter().map(|batch| storage.append(batch.clone())).collect();
        drop(storage);
        for (append, batch) in appends.into_iter().zip(batches).rev() {
            assert_eq!(append.await, Ok(vec![Appended::Stored; batch.len()]));
            self.note(batch);
        }
    }

    /// An append is repeated while its outcome is unknown, so never after its messages were purged.
    async fn repeat(&mut self, index: &proptest::sample::Index) {
        if self.batches.is_empty() {
            return;
        }
        let batch = index.get(&self.batches).clone();
        let is_purged = |message: &Arc<Message>| {
            let at = SUBJECTS.iter().position(|name| *name == message.subject.as_str()).unwrap();
            message.id.0 <= self.subjects[at].purged
        };
        if !batch.iter().any(is_purged) {
            self.bench.append(batch).await;
        }
    }

    /// Whether a store must, may or must not have a message.
    fn expected(&self, subject: usize, id: u64) -> (Option<&Arc<Message>>, bool) {
        let message = self.subjects[subject].messages.get(&id);
        let may_be_gone = message.is_none_or(|it| it.is_expired(Timestamp(self.reclaimed)));
        (message, may_be_gone)
    }

    async fn fetch(&self, subject: usize, id: u64) {
        let found = self.bench.fetch(SUBJECTS[subject], id).await;
        match self.expected(subject, id) {
            (_, true) if found.is_none() => {}
            (expected, _) => assert!(found.as_ref() == expected, "{subject} {id}: {found:?}"),
        }
        assert_eq!(self.bench.last_id(SUBJECTS[subject]).await, self.subjects[subject].last);
    }

    async fn read(&self, subject: usize, after: u64, limit: usize) {
        let read = self.bench.read(SUBJECTS[subject], after, limit).await;
        let mut read = read.iter().peekable();
        for id in after + 1..=self.subjects[subject].last {
            let found = read.next_if(|message| message.id == MessageId(id));
            match self.expected(subject, id) {
                (_, true) if found.is_none() => {}
                (expected, _) => assert!(found == expected, "{subject} {id} after {after}"),
            }
        }
        assert!(read.next().is_none(), "nothing else is read");
    }

    async fn list(&self, limit: usize) {
        let known = SUBJECTS.iter().zip(&self.subjects);
        let mut expected: Vec<(String, u64)> = known
            .filter(|(_, known)| known.last > 0)
            .map(|(name, known)| ((*name).to_owned(), known.last))
            .collect();
        expected.sort_unstable();
        assert_eq!(self.bench.subjects(limit).await, expected);
        for (name, known) in SUBJECTS.iter().zip(&self.subjects) {
            self.count(name, known).await;
        }
    }

    /// Of what has expired now nothing counts, of the rest everything.
    async fn count(&self, name: &str, known: &Known) {
        let mut expected = Tally::default();
        for message in known.messages.values() {
            if !message.is_expired(Timestamp(self.now)) {
                let bytes = message.headers.as_bytes().len() + message.body.len();
                expected.count(bytes as u64, message.expires_at);
            }
        }
        assert_eq!(self.bench.tally(name, 0, known.last, self.now).await, expected, "{name}");
    }

    async fn purge(&mut self, subject: usize, up_to: u64) {
        self.bench.purge(SUBJECTS[subject], up_to).await;
        let known = &mut self.subjects[subject];
        known.purged = known.purged.max(up_to);
        known.messages.retain(|id, _| *id > up_to);
    }

    async fn reclaim(&mut self, passed: i64, calls: usize) {
        self.now += passed;
        self.reclaimed = self.now;
        for _ in 0..calls {
            let part = self.bench.storage().reclaim(Timestamp(self.now)).await.unwrap();
            if !part.more {
                break;
            }
        }
    }

    async fn restart(&mut self, how: Restart) {
        if self.bench.survives_restart() {
            self.bench.restart(how).await;
            self.check_all().await;
        }
    }
}
