//! A broker, its users, and the model of what they may see.

use super::{
    follower::Follower,
    history::{Entry, Fate, History},
    steps::{Draft, From, Keep, SUBJECTS, Step},
};
use crate::support::{Restart, StoreUnderTest, subject};
use broker_core::{
    Broker, CountError, FetchError, Headers, Lifetime, Limits, ManualTime, MessageId, NoObserver,
    Publication, PublishError, Published, PurgeError, ReadFailure, Start, SubscribeError,
    Timestamp,
};
use bytes::Bytes;
use proptest::sample::Index;
use std::{cell::Cell, sync::Arc, time::Duration};

pub struct World<S> {
    store: S,
    broker: Broker,
    time: Arc<ManualTime>,
    histories: [History; SUBJECTS.len()],
    followers: Vec<Follower>,
    published: u64,
    latest: Timestamp,
}

/// So small that tails are evicted and pages are many.
fn limits() -> Limits {
    Limits {
        tail_bytes: 6_000,
        page_read_bytes: 1_000,
        pages_in_flight: 2,
        append_messages: 7,
        appends_in_flight: 4,
        reclaim_interval: Duration::from_millis(1),
        retry_pause: Duration::ZERO,
        ..Limits::default()
    }
}

async fn start(store: &impl StoreUnderTest, time: Arc<ManualTime>) -> Broker {
    Broker::open(store.storage(), time, Arc::new(NoObserver), limits(), 7).await.unwrap()
}

impl<S: StoreUnderTest> World<S> {
    pub async fn new(store: S) -> Self {
        let time = Arc::new(ManualTime::at(Timestamp(1_000_000)));
        let broker = start(&store, time.clone()).await;
        Self {
            store,
            broker,
            time,
            histories: Default::default(),
            followers: Vec::new(),
            published: 0,
            latest: Timestamp::MIN,
        }
    }

    pub async fn take(&mut self, step: &Step) {
        match step {
            Step::Publish(batches) => self.publish(batches).await,
            Step::Subscribe(of, from) => self.subscribe(*of, from).await,
            Step::Read(who, times, bytes) => self.read(who, *times, *bytes).await,
            Step::Leave(who) => {
                if !self.followers.is_empty() {
                    self.followers.swap_remove(who.index(self.followers.len()));
                }
            }
            Step::Fetch(of, id) => {
                let last = usize::try_from(self.histories[*of].last.0).unwrap();
                self.fetch(*of, MessageId(id.index(last + 3) as u64)).await;
            }
            Step::Purge(of, up_to) => self.purge(*of, up_to.as_ref()).await,
            Step::Advance(by) => self.time.advance(Duration::from_nanos(*by)),
            Step::Expire(of, which) => self.expire(*of, which).await,
            Step::SetClock(by) => self.step_clock(*by),
            Step::Reclaim => {
                // The broker does so by itself too; a store that cannot now will later.
                let _ = self.store.storage().reclaim(self.broker.clock().now()).await;
            }
            Step::Restart(how, by) => self.restart(*how, *by).await,
        }
        let now = self.now();
        assert!(now >= self.latest, "the clock went back");
        self.latest = now;
        assert_eq!(self.broker.subscribers(), self.followers.len());
    }

    /// Reads everything that is there, and closes.
    pub async fn end(mut self) {
        for of in 0..SUBJECTS.len() {
            self.count(of).await;
            // One that is told by the tail, so that every count of losses is exact.
            for keep in [Keep::Forever, Keep::Never] {
                self.publish(&[vec![Draft { subject: of, keep, body: 30 }]]).await;
                for at in (0..self.followers.len()).rev() {
                    if self.followers[at].subject == of {
                        self.read_all(at).await;
                    }
                }
            }
            for id in 0..=self.histories[of].last.0 + 1 {
                self.fetch(of, MessageId(id)).await;
            }
        }
        self.followers.clear();
        self.broker.close().await;
        assert_eq!(self.broker.subscribers(), 0);
    }

    fn now(&self) -> Timestamp {
        self.broker.clock().now()
    }

    fn step_clock(&self, by: i64) {
        use broker_core::TimeSource;
        self.time.step_to(Timestamp(self.time.wall().0 + by));
    }

    async fn publish(&mut self, batches: &[Vec<Draft>]) {
        let now = self.now();
        let mut receipts = Vec::new();
        for drafts in batches {
            let batch: Vec<_> = drafts.iter().map(|draft| self.publication(draft)).collect();
            let bodies: Vec<_> = batch.iter().map(|publication| publication.body.clone()).collect();
            receipts.push((self.broker.submit(batch).await.unwrap(), drafts, bodies));
        }
        for (receipt, drafts, bodies) in receipts {
            let answers = receipt.await;
            assert_eq!(answers.len(), drafts.len());
            for ((draft, body), answer) in drafts.iter().zip(bodies).zip(answers) {
                self.note(draft, body, answer, now);
            }
        }
        for of in 0..SUBJECTS.len() {
            // What was just answered is there.
            self.fetch(of, self.histories[of].last).await;
        }
    }

    fn publication(&mut self, draft: &Draft) -> Publication {
        self.published += 1;
        let mut body = self.published.to_be_bytes().to_vec();
        body.resize(draft.body, 0);
        let lifetime = match draft.keep {
            Keep::Never => Lifetime::DeliverOnly,
            Keep::For(ns) => Lifetime::lasting(Duration::from_nanos(ns)).unwrap(),
            Keep::Forever => Lifetime::Forever,
        };
        let (subject, headers) = (subject(SUBJECTS[draft.subject]), Headers::default());
        Publication { subject, headers, body: body.into(), lifetime, trace: None }
    }

    fn note(
        &mut self,
        draft: &Draft,
        body: Bytes,
        answer: Result<Published, PublishError>,
        now: Timestamp,
    ) {
        let history = &mut self.histories[draft.subject];
        let lifetime = match draft.keep {
            Keep::For(ns) => Some(ns),
            Keep::Never | Keep::Forever => None,
        };
        let fate = match (answer, draft.keep) {
            (Ok(Published { id }), Keep::Never) => {
                assert!(id.is_none());
                Fate::Delivered
            }
            (Ok(Published { id }), _) => {
                assert!(id > history.last, "{id} after {}", history.last);
                history.last = id;
                let expires_at = lifetime.map(|ns| now.saturating_add(Duration::from_nanos(ns)));
                Fate::Stored { id, lifetime, expires_at: Cell::new(expires_at) }
            }
            (Err(error), keep) => {
                assert!(!self.store.survives_restart(), "this store does not fail: {error}");
                // Not even delivered, where the store cannot say where its subject stands.
                let is_unread = error == PublishError::StorageUnavailable;
                assert!(keep != Keep::Never || is_unread, "{error}");
                Fate::Failed
            }
        };
        let was_expired = Cell::new(false);
        history.entries.push(Entry { body, fate, was_expired, is_purged: false });
    }

    async fn subscribe(&mut self, of: usize, from: &From) {
        let history = &self.histories[of];
        let (start, after) = match from {
            From::Retained => (Start::Retained, MessageId::NONE),
            From::New => (Start::New, MessageId(u64::MAX)),
            From::After(index) => {
                let after = index.index(usize::try_from(history.last.0).unwrap() + 1);
                (Start::After(MessageId(after as u64)), MessageId(after as u64))
            }
        };
        match self.broker.subscribe(subject(SUBJECTS[of]), start).await {
            Ok(subscription) => {
                // All that was answered before is older than what is new.
                let after = if start == Start::New { history.last } else { after };
                self.followers.push(Follower::new(of, subscription, after, history));
            }
            // Its own task lets go of its seat a moment later.
            Err(SubscribeError::Read(ReadFailure::StorageUnavailable)) => {}
            Err(error) => panic!("{error}"),
        }
    }

    async fn read(&mut self, who: &Index, times: usize, bytes: usize) {
        if self.followers.is_empty() {
            return;
        }
        let at = who.index(self.followers.len());
        for _ in 0..times {
            let now = self.now();
            let follower = &mut self.followers[at];
            if follower.read(&self.histories[follower.subject], bytes, now).await.is_err() {
                // The store could not be read; its client would come again after its last id.
                self.followers.swap_remove(at);
                return;
            }
        }
    }

    async fn read_all(&mut self, at: usize) {
        // Twice beyond what must come, so that what need not is looked at too.
        let mut idle = 0;
        while idle < 2 {
            let now = self.now();
            let follower = &mut self.followers[at];
            let history = &self.histories[follower.subject];
            idle += usize::from(!follower.awaits(history, now));
            if follower.read(history, 10_000, now).await.is_err() {
                self.followers.swap_remove(at);
                return;
            }
        }
    }

    async fn fetch(&self, of: usize, id: MessageId) {
        let history = &self.histories[of];
        let found = self.broker.fetch(&subject(SUBJECTS[of]), id).await;
        let now = self.now();
        match (found, history.find(id)) {
            (Err(FetchError::Read(ReadFailure::StorageUnavailable)), _) => {}
            (Ok(message), Some(entry)) => {
                assert!(!entry.is_purged, "{id} was purged");
                entry.check(&message, now);
            }
            (Ok(message), None) => panic!("nobody was told of {message:?}"),
            (Err(FetchError::Expired), Some(entry)) => {
                assert!(
                    entry.is_purged || entry.was_expired.get() || entry.is_expired(now),
                    "{id}"
                );
                entry.was_expired.set(entry.was_expired.get() || entry.is_expired(now));
            }
            (Err(FetchError::NotFound), Some(_)) => panic!("{id} was published"),
            (Err(FetchError::NotFound), None) => {
                assert!(id.is_none() || id > history.last || !self.store.survives_restart());
            }
            (Err(FetchError::Expired), None) => assert!(!id.is_none()),
            (Err(error), _) => panic!("{error}"),
        }
    }

    async fn expire(&self, of: usize, which: &Index) {
        let mortal = self.histories[of].mortal(self.now());
        if mortal.is_empty() {
            return;
        }
        let (id, at) = *which.get(&mortal);
        for now in [Timestamp(at.0 - 1), at] {
            // Forward steps are followed at once, so this is the broker's time exactly.
            self.time.step_to(now);
            assert_eq!(self.now(), now);
            self.fetch(of, id).await;
        }
    }

    async fn purge(&mut self, of: usize, up_to: Option<&Index>) {
        let last = usize::try_from(self.histories[of].last.0).unwrap();
        let up_to = up_to.map(|index| MessageId(index.index(last + 1) as u64));
        // After an error of unknown outcome it may be half done: try until it is known.
        let purged = loop {
            match self.broker.purge(subject(SUBJECTS[of]), up_to).await {
                Ok(purged) => break purged,
                Err(PurgeError::NeverUsed) => {
                    assert!(self.histories[of].last.is_none());
                    return;
                }
                Err(error) => assert!(!self.store.survives_restart(), "{error}"),
            }
        };
        for entry in &mut self.histories[of].entries {
            entry.is_purged |= entry.id().is_some_and(|id| id <= purged);
        }
        self.count(of).await;
    }

    /// What is counted is what can be fetched.
    async fn count(&self, of: usize) {
        let (name, is_failing) = (subject(SUBJECTS[of]), !self.store.survives_restart());
        let counted = match self.broker.count(name.clone(), MessageId::NONE, None).await {
            Ok(counted) => counted,
            Err(CountError::NeverUsed) => {
                return assert!(self.histories[of].last.is_none());
            }
            Err(error) => return assert!(is_failing, "{error}"),
        };
        assert!(counted.last_id >= self.histories[of].last && counted.kept.next.is_none());
        let mut bytes = Vec::new();
        for id in 1..=counted.last_id.0 {
            match self.broker.fetch(&name, MessageId(id)).await {
                Ok(message) => bytes.push(message.body.len() as u64),
                Err(FetchError::Expired | FetchError::NotFound) => {}
                Err(error) => return assert!(is_failing, "{error}"),
            }
        }
        let kept = (counted.kept.messages, counted.kept.bytes);
        assert_eq!(kept, (bytes.len() as u64, bytes.iter().sum()), "{name}");
    }

    async fn restart(&mut self, how: Restart, by: i64) {
        if !self.store.survives_restart() {
            return;
        }
        self.followers.clear();
        if how == Restart::Crash {
            self.store.freeze();
        }
        self.broker.close().await;
        self.step_clock(by);
        // A broker that is not there holds its store no longer.
        self.broker = start(&crate::support::Memory::new(), self.time.clone()).await;
        self.store.restart(how);
        self.broker.close().await;
        self.broker = start(&self.store, self.time.clone()).await;
        self.latest = Timestamp::MIN;
        for of in 0..SUBJECTS.len() {
            for id in 1..=self.histories[of].last.0 {
                self.fetch(of, MessageId(id)).await;
            }
        }
    }
}
