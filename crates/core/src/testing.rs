//! A store whose appends a test ends by hand, and a broker over it.

use crate::{
    AppendError, Appended, Broker, Delivery, Durability, Headers, IdRange, Lifetime, Limits,
    ManualTime, Message, MessageId, NoObserver, Page, Publication, PublishError, ReadError,
    Receipt, Reclaimed, Storage, StorageFuture, Stored, Subject, SubjectSummary, Subscription,
    Tally, Timestamp, Writable,
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::Arc,
};
use tokio::sync::{Notify, oneshot, watch};

/// A store in which a test decides when and how an append ends.
#[derive(Default)]
pub struct Scripted {
    state: Mutex<State>,
    appended: Notify,
    fenced: watch::Sender<Option<String>>,
}

#[derive(Default)]
struct State {
    messages: BTreeMap<(Subject, MessageId), Arc<Message>>,
    is_holding: bool,
    held: VecDeque<Held>,
    last_ids_fail: bool,
    is_doubtful: bool,
    says_fenced: bool,
    kept_time: Option<Timestamp>,
}

/// An append that waits for the test's word.
pub struct Held {
    pub batch: Vec<Arc<Message>>,
    end: oneshot::Sender<Result<Vec<Appended>, AppendError>>,
    store: Arc<Scripted>,
}

impl Held {
    /// Stores the batch.
    pub fn succeed(self) {
        self.store.insert(&self.batch);
        let words = vec![Appended::Stored; self.batch.len()];
        self.end.send(Ok(words)).unwrap();
    }

    /// Stores what these words say is stored.
    pub fn answer(self, words: Vec<Appended>) {
        let stored = self.batch.iter().zip(&words).filter(|(_, word)| **word == Appended::Stored);
        self.store.insert(&stored.map(|(message, _)| message.clone()).collect::<Vec<_>>());
        self.end.send(Ok(words)).unwrap();
    }

    /// Stores nothing.
    pub fn fail(self, error: AppendError) {
        self.end.send(Err(error)).unwrap();
    }
}

impl Scripted {
    pub fn hold(&self) {
        self.state.lock().is_holding = true;
    }

    pub fn fail_last_ids(&self, fail: bool) {
        self.state.lock().last_ids_fail = fail;
    }

    /// Whether from now on the store is not sure whose it is.
    pub fn doubt(&self, is_doubtful: bool) {
        self.state.lock().is_doubtful = is_doubtful;
    }

    /// From now on the store is another broker's.
    pub fn fence(&self, reason: &str) {
        self.doubt(true);
        self.fenced.send_replace(Some(reason.to_owned()));
    }

    /// From now on calls are answered with the word that the store is another broker's.
    pub fn answer_fenced(&self) {
        self.state.lock().says_fenced = true;
    }

    /// Waits for the next append that is held.
    pub async fn held(&self) -> Held {
        loop {
            let appended = self.appended.notified();
            if let Some(held) = self.state.lock().held.pop_front() {
                return held;
            }
            appended.await;
        }
    }

    pub fn insert(&self, batch: &[Arc<Message>]) {
        let mut state = self.state.lock();
        for message in batch {
            state.messages.insert((message.subject.clone(), message.id), message.clone());
        }
    }
}

/// The scripted store as the broker sees it.
pub struct Handle(pub Arc<Scripted>);

impl Storage for Handle {
    fn append(
        &self,
        batch: Vec<Arc<Message>>,
    ) -> StorageFuture<Result<Vec<Appended>, AppendError>> {
        let mut state = self.0.state.lock();
        if !state.is_holding {
            drop(state);
            self.0.insert(&batch);
            return Box::pin(async move { Ok(vec![Appended::Stored; batch.len()]) });
        }
        let (end, word) = oneshot::channel();
        state.held.push_back(Held { batch, end, store: self.0.clone() });
        self.0.appended.notify_one();
        Box::pin(async move { word.await.unwrap() })
    }

    fn fetch(
        &self,
        subject: &Subject,
        id: MessageId,
    ) -> StorageFuture<Result<Option<Arc<Message>>, ReadError>> {
        let state = self.0.state.lock();
        if state.says_fenced {
            return Box::pin(async { Err(ReadError::Fenced) });
        }
        let found = state.messages.get(&(subject.clone(), id)).cloned();
        Box::pin(async move { Ok(found) })
    }

    fn read_after(
        &self,
        subject: &Subject,
        after: MessageId,
        limit: usize,
    ) -> StorageFuture<Result<Page, ReadError>> {
        let state = self.0.state.lock();
        let mut page = Page::default();
        let mut weight = 0;
        let from = (subject.clone(), after.next());
        for ((of, id), message) in state.messages.range(from..) {
            if of != subject {
                break;
            }
            if weight >= limit {
                page.next = Some(MessageId(id.0 - 1));
                break;
            }
            weight += message.body.len().max(1);
            page.messages.push(Stored::Message(message.clone()));
        }
        Box::pin(async move { Ok(page) })
    }

    fn last_id(&self, subject: &Subject) -> StorageFuture<Result<MessageId, ReadError>> {
        let state = self.0.state.lock();
        if state.last_ids_fail {
            return Box::pin(async { Err(ReadError::Unavailable("away".into())) });
        }
        let range = (subject.clone(), MessageId(0))..=(subject.clone(), MessageId(u64::MAX));
        let last =
            state.messages.range(range).next_back().map_or(MessageId::NONE, |(key, _)| key.1);
        Box::pin(async move { Ok(last) })
    }

    fn subjects(
        &self,
        from: Bound<&Subject>,
        limit: usize,
    ) -> StorageFuture<Result<Vec<SubjectSummary>, ReadError>> {
        let mut last_ids = BTreeMap::new();
        for (subject, id) in self.0.state.lock().messages.keys() {
            last_ids.insert(subject.clone(), *id);
        }
        let listed = last_ids.range::<Subject, _>((from, Bound::Unbounded)).take(limit);
        let summary = |(subject, last_id): (&Subject, &MessageId)| SubjectSummary {
            subject: subject.clone(),
            last_id: *last_id,
        };
        let listed = listed.map(summary).collect();
        Box::pin(async { Ok(listed) })
    }

    /// One message a call, the least that the contract allows.
    fn tally(
        &self,
        ranges: Vec<IdRange>,
        now: Timestamp,
    ) -> StorageFuture<Result<Vec<Tally>, ReadError>> {
        let mut tally = Tally::default();
        if let Some(IdRange { subject, after, up_to }) = ranges.first()
            && after < up_to
        {
            let range = (subject.clone(), after.next())..=(subject.clone(), *up_to);
            let state = self.0.state.lock();
            if let Some(((_, id), message)) = state.messages.range(range).next() {
                if !message.is_expired(now) {
                    tally.count(message.body.len() as u64, message.expires_at);
                }
                tally.next = (id < up_to).then_some(*id);
            }
        }
        Box::pin(async move { Ok(vec![tally]) })
    }

    fn purge(&self, subject: &Subject, up_to: MessageId) -> StorageFuture<Result<(), AppendError>> {
        if self.0.state.lock().says_fenced {
            return Box::pin(async { Err(AppendError::Fenced) });
        }
        self.0.state.lock().messages.retain(|(of, id), _| of != subject || *id > up_to);
        Box::pin(async { Ok(()) })
    }

    fn reclaim(&self, _: Timestamp) -> StorageFuture<Result<Reclaimed, ReadError>> {
        Box::pin(async { Ok(Reclaimed::default()) })
    }

    fn keep_time(&self, now: Timestamp) -> StorageFuture<Result<(), AppendError>> {
        let mut state = self.0.state.lock();
        state.kept_time = state.kept_time.max(Some(now));
        Box::pin(async { Ok(()) })
    }

    fn kept_time(&self) -> Timestamp {
        self.0.state.lock().kept_time.unwrap_or(Timestamp::MIN)
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }

    fn writable(&self) -> Writable {
        Writable::Yes
    }

    fn is_owner(&self) -> bool {
        !self.0.state.lock().is_doubtful
    }

    fn fenced(&self) -> StorageFuture<String> {
        let mut fenced = self.0.fenced.subscribe();
        Box::pin(async move {
            match fenced.wait_for(Option::is_some).await.map(|reason| reason.clone()) {
                Ok(Some(reason)) => reason,
                _ => std::future::pending().await,
            }
        })
    }

    fn close(&self) -> StorageFuture<Result<(), ReadError>> {
        Box::pin(async { Ok(()) })
    }
}

/// A broker over a scripted store, with a clock moved by hand.
pub struct Bench {
    pub broker: Broker,
    pub store: Arc<Scripted>,
    pub time: Arc<ManualTime>,
}

impl Bench {
    pub async fn new(limits: Limits) -> Self {
        let store = Arc::new(Scripted::default());
        let time = Arc::new(ManualTime::at(Timestamp(1_000)));
        let handle = Arc::new(Handle(store.clone()));
        let broker = Broker::open(handle, time.clone(), Arc::new(NoObserver), limits, 7);
        Self { broker: broker.await.unwrap(), store, time }
    }

    pub fn submit(&self, name: &str, body: &str, lifetime: Lifetime) -> Receipt {
        self.broker.try_submit(vec![publication(name, body, lifetime)]).unwrap()
    }

    pub async fn publish(
        &self,
        name: &str,
        body: &str,
        lifetime: Lifetime,
    ) -> Result<u64, PublishError> {
        answer(self.submit(name, body, lifetime)).await
    }
}

pub fn subject(name: &str) -> Subject {
    Subject::new(name).unwrap()
}

pub fn publication(name: &str, body: &str, lifetime: Lifetime) -> Publication {
    Publication {
        trace: None,
        subject: subject(name),
        headers: Headers::default(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        lifetime,
    }
}

pub async fn answer(receipt: Receipt) -> Result<u64, PublishError> {
    receipt.await[0].map(|published| published.id.0)
}

/// The next `count` deliveries, as (body, missed).
pub async fn take(subscription: &mut Subscription, count: usize) -> Vec<(String, u64)> {
    let mut deliveries: Vec<Delivery> = Vec::new();
    while deliveries.len() < count {
        subscription.next(1, &mut deliveries).await.unwrap();
    }
    deliveries
        .into_iter()
        .map(|delivery| {
            (String::from_utf8(delivery.message.body.to_vec()).unwrap(), delivery.missed)
        })
        .collect()
}
