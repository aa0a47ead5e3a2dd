//! How much of the door's limits is in use.

use broker_core::Usage;
use parking_lot::Mutex;
use std::{fmt, sync::Arc};
use tokio::sync::Semaphore;

/// What is looked at to know it. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct Meters(Arc<Mutex<Vec<Meter>>>);

type Meter = Box<dyn Fn() -> Usage + Send + Sync>;

impl Meters {
    /// The door's limits as they are used now; none before it is open.
    #[must_use]
    pub fn read(&self) -> Vec<Usage> {
        self.0.lock().iter().map(|meter| meter()).collect()
    }

    pub(crate) fn add(&self, meter: impl Fn() -> Usage + Send + Sync + 'static) {
        self.0.lock().push(Box::new(meter));
    }

    /// A limit that is kept by permits.
    pub(crate) fn permits(&self, limit: &'static str, permits: &Arc<Semaphore>, most: usize) {
        let permits = permits.clone();
        self.add(move || Usage::of(limit, &permits, most));
    }
}

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.read()).finish()
    }
}
