//! A broker for many subscribers.

use crate::support::{StoreUnderTest, subject};
use broker_core::{
    Broker, Delivery, Headers, Lifetime, Limits, MessageId, NoObserver, Publication, PublishError,
    Subscription, SystemTime,
};
use std::{sync::Arc, time::Duration};

/// A broker over a store, with real time.
pub async fn broker(store: &impl StoreUnderTest, limits: Limits) -> Broker {
    let limits = Limits {
        retry_pause: Duration::ZERO,
        reclaim_interval: Duration::from_millis(5),
        ..limits
    };
    let (time, observer) = (Arc::new(SystemTime), Arc::new(NoObserver));
    Broker::open(store.storage(), time, observer, limits, 7).await.unwrap()
}

/// A publication with a body of that size that begins with a number.
pub fn publication(name: &str, number: u64, size: usize, lifetime: Lifetime) -> Publication {
    let mut body = number.to_be_bytes().to_vec();
    body.resize(size.max(8), 0);
    Publication {
        subject: subject(name),
        headers: Headers::default(),
        body: body.into(),
        lifetime,
        trace: None,
    }
}

/// Publishes a batch; the ids of those that were stored.
pub async fn publish(broker: &Broker, batch: Vec<Publication>) -> Vec<MessageId> {
    let answers = broker.submit(batch).await.unwrap().await;
    let stored = answers.into_iter().filter_map(|answer| match answer {
        Ok(published) => Some(published.id),
        Err(PublishError::Refused) => None,
        Err(error) => panic!("{error}"),
    });
    stored.collect()
}

/// What a subscriber was handed.
#[derive(Default)]
pub struct Handed {
    /// Ids of stored messages.
    pub ids: Vec<MessageId>,
    /// Numbers of delivered-only messages.
    pub numbers: Vec<u64>,
    pub missed: u64,
}

impl Handed {
    /// Takes what comes next.
    pub async fn take(&mut self, subscription: &mut Subscription) {
        let mut deliveries = Vec::new();
        subscription.next(4_096, &mut deliveries).await.unwrap();
        deliveries.iter().for_each(|delivery| self.add(delivery));
    }

    fn add(&mut self, delivery: &Delivery) {
        let Delivery { message, missed } = delivery;
        self.missed += missed;
        if message.is_stored() {
            self.ids.push(message.id);
        } else {
            self.numbers.push(u64::from_be_bytes(message.body[..8].try_into().unwrap()));
        }
    }

    pub fn last(&self) -> MessageId {
        self.ids.last().copied().unwrap_or(MessageId::NONE)
    }
}

/// Numbers that look random, the same each time (the generator is an LCG).
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
