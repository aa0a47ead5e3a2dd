//! The subjects in use.

use super::{database::Database, failure::Failure, guard::Guard, place::Place, settling};
use broker_core::Subject;
use foldhash::HashMap;
use parking_lot::Mutex;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::OnceCell;

/// Subjects that are remembered while nobody uses them. Another one is read from the database again.
const REMEMBERED: usize = 65_536;

/// The subjects that were touched, at most [`REMEMBERED`] and those in use.
#[derive(Default)]
pub struct Places(Mutex<HashMap<Subject, Arc<Seat>>>);

/// A subject that is known or being read.
#[derive(Default)]
struct Seat {
    place: OnceCell<Arc<Place>>,
    is_used: AtomicBool,
}

impl Places {
    /// A subject, which is read and settled if this is its first touch.
    pub async fn get(
        &self,
        database: &Database,
        guard: &Guard,
        subject: &Subject,
    ) -> Result<Arc<Place>, Failure> {
        self.get_or(subject, settling::open(database, guard, subject)).await
    }

    /// A subject, which is opened so at its first touch; only one call at a time opens it.
    pub async fn get_or(
        &self,
        subject: &Subject,
        open: impl Future<Output = Result<Place, Failure>>,
    ) -> Result<Arc<Place>, Failure> {
        let seat = self.seat(subject);
        let place = seat.place.get_or_try_init(|| async { open.await.map(Arc::new) }).await?;
        Ok(place.clone())
    }

    /// A subject that is known.
    pub fn find(&self, subject: &Subject) -> Option<Arc<Place>> {
        self.0.lock().get(subject)?.place.get().cloned()
    }

    /// Those that are known.
    pub fn all(&self) -> Vec<Arc<Place>> {
        self.0.lock().values().filter_map(|seat| seat.place.get().cloned()).collect()
    }

    fn seat(&self, subject: &Subject) -> Arc<Seat> {
        let mut seats = self.0.lock();
        if let Some(seat) = seats.get(subject) {
            seat.is_used.store(true, Ordering::Relaxed);
            return seat.clone();
        }
        if seats.len() >= REMEMBERED {
            seats.retain(|_, seat| is_wanted(seat));
        }
        seats.entry(subject.clone()).or_default().clone()
    }
}

/// Whether somebody uses a subject, its outcome is open, or it was used since it was last asked.
fn is_wanted(seat: &Arc<Seat>) -> bool {
    let is_in_use = Arc::strong_count(seat) > 1
        || seat
            .place
            .get()
            .is_some_and(|place| Arc::strong_count(place) > 1 || !place.ledger.lock().is_quiet());
    seat.is_used.swap(false, Ordering::Relaxed) || is_in_use
}
