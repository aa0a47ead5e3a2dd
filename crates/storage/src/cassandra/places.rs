//! The subjects in use.

use super::{database::Database, failure::Failure, guard::Guard, place::Place, settling};
use crate::database::detached;
use broker_core::Subject;
use foldhash::HashMap;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Subjects that are remembered while nobody uses them. Another one is read from the database again.
const REMEMBERED: usize = 65_536;

/// The subjects that were touched, at most [`REMEMBERED`] and those in use.
#[derive(Default)]
pub struct Places(Mutex<HashMap<Subject, Seat>>);

/// A subject's first touch, whose end all share who came meanwhile: in turn each would wait for a
/// database that is away as long as the one before it.
type Opening = Shared<BoxFuture<'static, Result<Arc<Place>, Failure>>>;

/// A subject that is known or being read.
struct Seat {
    opening: Opening,
    is_used: bool,
}

impl Places {
    /// A subject, which is read and settled if this is its first touch.
    pub async fn get(
        &self,
        database: &Arc<Database>,
        guard: &Guard,
        subject: &Subject,
    ) -> Result<Arc<Place>, Failure> {
        let open = || {
            let (database, guard, subject) = (database.clone(), guard.clone(), subject.clone());
            async move { settling::open(&database, &guard, &subject).await }
        };
        self.get_or(subject, open).await
    }

    /// A subject, which is opened so at its first touch; only one call at a time opens it.
    pub async fn get_or<F>(
        &self,
        subject: &Subject,
        open: impl FnOnce() -> F,
    ) -> Result<Arc<Place>, Failure>
    where
        F: Future<Output = Result<Place, Failure>> + Send + 'static,
    {
        let opening = self.opening(subject, open);
        opening.await
    }

    /// A subject that is known.
    pub fn find(&self, subject: &Subject) -> Option<Arc<Place>> {
        self.0.lock().get(subject)?.place().cloned()
    }

    /// Those that are known.
    pub fn all(&self) -> Vec<Arc<Place>> {
        self.0.lock().values().filter_map(Seat::place).cloned().collect()
    }

    /// The first touch of a subject; a new one if the last one failed.
    fn opening<F>(&self, subject: &Subject, open: impl FnOnce() -> F) -> Opening
    where
        F: Future<Output = Result<Place, Failure>> + Send + 'static,
    {
        let mut seats = self.0.lock();
        if let Some(seat) = seats.get_mut(subject).filter(|seat| !seat.has_failed()) {
            seat.is_used = true;
            return seat.opening.clone();
        }
        if seats.len() >= REMEMBERED {
            seats.retain(|_, seat| seat.is_wanted());
        }
        let opening = begin(open());
        seats.insert(subject.clone(), Seat { opening: opening.clone(), is_used: false });
        opening
    }
}

/// Starts what goes on although nobody may wait for it any more.
fn begin(open: impl Future<Output = Result<Place, Failure>> + Send + 'static) -> Opening {
    let opened = detached(&Handle::current(), open);
    let opening = async move {
        match opened.await {
            Some(place) => place.map(Arc::new),
            // The runtime ends, and so does whoever waits.
            None => std::future::pending().await,
        }
    };
    opening.boxed().shared()
}

impl Seat {
    fn place(&self) -> Option<&Arc<Place>> {
        self.opening.peek()?.as_ref().ok()
    }

    fn has_failed(&self) -> bool {
        self.opening.peek().is_some_and(Result::is_err)
    }

    /// Whether somebody uses the subject, its outcome is open, or it was used since it was last asked.
    fn is_wanted(&mut self) -> bool {
        let is_in_use = match self.opening.peek() {
            Some(Ok(place)) => Arc::strong_count(place) > 1 || !place.ledger.lock().is_quiet(),
            Some(Err(_)) => false,
            None => true,
        };
        std::mem::take(&mut self.is_used) || is_in_use
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn a_failed_opening_fails_all_who_waited_for_it_and_no_later_one() {
        let (places, subject) = (Places::default(), Subject::new("s").unwrap());
        let (fail, failed) = oneshot::channel::<()>();
        let first = places.get_or(&subject, || async {
            let _ = failed.await;
            Err(Failure::NotDone("away".into()))
        });
        let never = || async { unreachable!("it is being opened") };
        let failing = async { fail.send(()) };
        let (first, second, _) = tokio::join!(first, places.get_or(&subject, never), failing);
        assert!(first.is_err() && second.is_err());
        assert!(places.find(&subject).is_none() && places.all().is_empty());

        let known = Place::new(subject.clone(), 7);
        let opened = places.get_or(&subject, || async { Ok(known) }).await.unwrap();
        assert_eq!(opened.last(), 7);
        assert!(Arc::ptr_eq(&opened, &places.find(&subject).unwrap()));
    }

    #[tokio::test]
    async fn a_subject_that_somebody_has_is_wanted() {
        let (places, subject) = (Places::default(), Subject::new("s").unwrap());
        let place = Place::new(subject.clone(), 0);
        let place = places.get_or(&subject, || async { Ok(place) }).await.unwrap();
        let is_wanted = || places.0.lock().get_mut(&subject).unwrap().is_wanted();
        assert!(is_wanted());
        drop(place);
        assert!(!is_wanted());
        places.find(&subject).unwrap();
        assert!(!is_wanted(), "to look is not to use");
    }
}
