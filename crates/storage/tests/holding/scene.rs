//! A broker over a store whose appends a test holds and lets go.

use crate::support::{StoreUnderTest, subject};
use broker_core::{
    Broker, FetchError, Headers, Lifetime, Limits, ListingQuery, MessageId, NoObserver,
    Publication, PublishError, Receipt, Storage, Subscription, SystemTime,
};
use broker_storage::{
    Faulty, Operation,
    faulty::{Hold, Script, WriteFault, WritePlan},
};
use std::{sync::Arc, time::Duration};

pub struct Scene {
    pub broker: Broker,
    pub script: Arc<Script>,
    pub store: Arc<Faulty<dyn Storage>>,
    /// Lives as long as the scene.
    _under: Box<dyn StoreUnderTest>,
}

impl Scene {
    /// A broker whose publishers wait as long as it takes.
    pub async fn patient(under: impl StoreUnderTest + 'static) -> Self {
        Self::new(under, Duration::from_secs(600)).await
    }

    /// A broker whose publishers soon hear that nobody knows.
    pub async fn impatient(under: impl StoreUnderTest + 'static) -> Self {
        Self::new(under, Duration::from_millis(50)).await
    }

    async fn new(under: impl StoreUnderTest + 'static, outcome_timeout: Duration) -> Self {
        let script = Arc::new(Script::default());
        let store = Arc::new(Faulty::new(under.storage(), script.clone()));
        let limits =
            Limits { retry_pause: Duration::from_millis(1), outcome_timeout, ..Limits::default() };
        let (time, observer) = (Arc::new(SystemTime), Arc::new(NoObserver));
        let broker = Broker::open(store.clone(), time, observer, limits, 7).await.unwrap();
        Self { broker, script, store, _under: Box::new(under) }
    }

    /// The fate of the next append.
    pub fn then(&self, fault: WriteFault, hold: Hold) {
        self.script.then_write(Operation::Append, WritePlan { fault, hold });
    }

    /// Hands over one message, whose append has begun when this returns and is the `held`th held.
    pub async fn submit_held(&self, name: &str, body: &str, hold: Hold, held: usize) -> Receipt {
        self.then(WriteFault::None, hold);
        let receipt = self.submit(name, body, Lifetime::Forever);
        self.store.wait_held(held).await;
        receipt
    }

    pub fn submit(&self, name: &str, body: &str, lifetime: Lifetime) -> Receipt {
        let (subject, headers) = (subject(name), Headers::default());
        let body = body.as_bytes().to_vec().into();
        self.broker
            .try_submit(vec![Publication { subject, headers, body, lifetime, trace: None }])
            .unwrap()
    }

    pub async fn publish(&self, name: &str, body: &str) -> Result<u64, PublishError> {
        answer(self.submit(name, body, Lifetime::Forever)).await
    }

    /// Whether the store itself has a message.
    pub async fn store_has(&self, name: &str, id: u64) -> bool {
        self.store.fetch(&subject(name), MessageId(id)).await.unwrap().is_some()
    }

    /// Name, last id and number of messages of each subject, as an operator sees them.
    pub async fn listed(&self) -> Vec<(String, u64, u64)> {
        let query = ListingQuery { limit: 100, ..ListingQuery::default() };
        let listing = self.broker.subjects(&query).await.unwrap();
        assert_eq!(listing.next, None);
        let rows = listing.subjects.into_iter();
        rows.map(|one| (one.subject.to_string(), one.last_id.0, one.kept.messages)).collect()
    }

    pub async fn fetch(&self, name: &str, id: u64) -> Result<String, FetchError> {
        let found = self.broker.fetch(&subject(name), MessageId(id)).await;
        found.map(|message| String::from_utf8(message.body.to_vec()).unwrap())
    }
}

pub async fn answer(receipt: Receipt) -> Result<u64, PublishError> {
    receipt.await[0].map(|published| published.id.0)
}

/// The bodies of what comes next.
pub async fn take(subscription: &mut Subscription, count: usize) -> Vec<String> {
    let mut deliveries = Vec::new();
    while deliveries.len() < count {
        subscription.next(1, &mut deliveries).await.unwrap();
    }
    let bodies = deliveries.iter().map(|delivery| delivery.message.body.to_vec());
    bodies.map(|body| String::from_utf8(body).unwrap()).collect()
}
