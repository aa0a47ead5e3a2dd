//! A broker that is being opened: what it waits for, and the broker once it is there.

use crate::status::Problem;
use broker_core::Broker;
use std::sync::{Arc, OnceLock};
use tokio::sync::watch;

/// A broker that is open.
pub struct OpenBroker {
    /// The broker.
    pub broker: Broker,
    /// What an operator must know of its store: a sentence each, shown by `/readyz`.
    pub warnings: Vec<String>,
}

impl From<Broker> for OpenBroker {
    fn from(broker: Broker) -> Self {
        Self { broker, warnings: Vec::new() }
    }
}

/// What a broker waits for while it is being opened. Cheap to clone; all clones speak of one broker.
#[derive(Clone)]
pub struct Opening(Arc<Inner>);

struct Inner {
    wait: watch::Sender<Wait>,
    open: OnceLock<OpenBroker>,
}

/// What is known of the waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// Nothing yet: it may be over soon.
    Unknown,
    /// For its database, which cannot be reached; why.
    Away(String),
    /// For the store, which another broker owns; what is known of it.
    Standby(String),
    /// It is open.
    Over,
}

impl Opening {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner { wait: watch::Sender::new(Wait::Unknown), open: OnceLock::new() }))
    }

    /// The database cannot be reached, until something else is said: calls hear STORAGE_UNAVAILABLE.
    pub fn away(&self, why: &str) {
        self.say(Wait::Away(why.to_owned()));
    }

    /// Another broker owns the store, until something else is said: calls hear STANDBY.
    pub fn standing_by(&self, owner: &str) {
        self.say(Wait::Standby(owner.to_owned()));
    }

    /// From now on there is a broker.
    pub(crate) fn opened(&self, open: OpenBroker) {
        // There is only one.
        let _ = self.0.open.set(open);
        self.0.wait.send_replace(Wait::Over);
    }

    /// The broker, or what a call hears while there is none.
    pub(crate) fn broker(&self) -> Result<&Broker, Problem> {
        match self.0.open.get() {
            Some(open) => Ok(&open.broker),
            None => Err(match &*self.0.wait.borrow() {
                Wait::Standby(_) => Problem::Standby,
                Wait::Unknown | Wait::Away(_) | Wait::Over => Problem::StorageUnavailable,
            }),
        }
    }

    pub(crate) fn warnings(&self) -> &[String] {
        self.0.open.get().map_or(&[], |open| &open.warnings)
    }

    pub(crate) fn wait(&self) -> Wait {
        self.0.wait.borrow().clone()
    }

    /// Done when there is something to tell to who calls.
    pub(crate) async fn known(&self) {
        // The sender is in here.
        let _ = self.0.wait.subscribe().wait_for(|wait| *wait != Wait::Unknown).await;
    }

    fn say(&self, wait: Wait) {
        self.0.wait.send_if_modified(|now| {
            let is_news = *now != Wait::Over && *now != wait;
            if is_news {
                *now = wait;
            }
            is_news
        });
    }
}
