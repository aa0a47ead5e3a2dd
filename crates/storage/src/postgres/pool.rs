//! Connections for whoever needs one for a moment.

use super::{connector::Connector, failure::Failure, session::Session};
use parking_lot::Mutex;
use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// A bounded number of connections, opened when they are first needed and again when they were lost.
pub struct Pool {
    connector: Arc<Connector>,
    idle: Arc<Mutex<Vec<Session>>>,
    places: Arc<Semaphore>,
    patience: Duration,
    /// Most of them.
    pub size: usize,
}

/// A connection on loan. It goes back when it is dropped, unless it is over.
pub struct Loan {
    session: Option<Session>,
    idle: Arc<Mutex<Vec<Session>>>,
    _place: OwnedSemaphorePermit,
}

impl Pool {
    /// Up to that many connections.
    pub fn new(connector: Arc<Connector>, size: usize) -> Self {
        let patience = connector.times().unavailable;
        let size = size.max(1);
        let places = Arc::new(Semaphore::new(size));
        Self { connector, idle: Arc::default(), places, patience, size }
    }

    /// A connection, within the time that one waits for a database that is away.
    pub async fn take(&self) -> Result<Loan, Failure> {
        let taken = timeout(self.patience, async {
            let place = self.places.clone().acquire_owned().await;
            let place = place.map_err(|_| Failure::away("the store is closed"))?;
            let session = match self.idle_session() {
                Some(session) => session,
                None => self.connector.connect().await?,
            };
            let idle = self.idle.clone();
            Ok(Loan { session: Some(session), idle, _place: place })
        });
        taken.await.unwrap_or_else(|_| Err(Failure::away("no connection to PostgreSQL is free")))
    }

    fn idle_session(&self) -> Option<Session> {
        let mut idle = self.idle.lock();
        loop {
            let session = idle.pop()?;
            if !session.is_over() {
                return Some(session);
            }
        }
    }

    /// Open connections that nobody uses.
    pub fn idle(&self) -> usize {
        self.idle.lock().len()
    }

    /// Lends no more and ends what is idle.
    pub fn close(&self) {
        self.places.close();
        self.idle.lock().clear();
    }
}

impl Deref for Loan {
    type Target = Session;

    #[expect(clippy::expect_used, reason = "it is taken out by dropping only")]
    fn deref(&self) -> &Session {
        self.session.as_ref().expect("a loan has its session")
    }
}

impl DerefMut for Loan {
    #[expect(clippy::expect_used, reason = "it is taken out by dropping only")]
    fn deref_mut(&mut self) -> &mut Session {
        self.session.as_mut().expect("a loan has its session")
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(session) = self.session.take()
            && !session.is_over()
        {
            self.idle.lock().push(session);
        }
    }
}
