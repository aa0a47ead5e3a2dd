//! How the database does, as the writers see it.

use broker_core::Writable;
use parking_lot::Mutex;
use tokio::time::Instant;

/// What the writers heard last.
pub struct Health(Mutex<State>);

struct State {
    answered: Instant,
    writable: Writable,
}

impl Health {
    /// Well, from now on.
    pub fn new() -> Self {
        Self(Mutex::new(State { answered: Instant::now(), writable: Writable::Yes }))
    }

    /// The database did what it was asked, or said that one row does not do.
    pub fn works(&self) {
        self.note(Writable::Yes, true);
    }

    /// There is no room.
    pub fn full(&self, bound: &'static str) {
        self.note(Writable::Full(bound), true);
    }

    /// It does not do what it is asked, or it says nothing.
    pub fn away(&self, why: &str) {
        self.note(Writable::Unavailable(why.to_owned()), false);
    }

    /// No more is written.
    pub fn closed(&self, why: &str) {
        self.note(Writable::Closed(why.to_owned()), false);
    }

    fn note(&self, writable: Writable, has_answered: bool) {
        let mut state = self.0.lock();
        if has_answered {
            state.answered = Instant::now();
        }
        if !matches!(state.writable, Writable::Closed(_)) {
            state.writable = writable;
        }
    }

    /// When it last answered.
    pub fn answered(&self) -> Instant {
        self.0.lock().answered
    }

    /// Whether appends can succeed.
    pub fn writable(&self) -> Writable {
        self.0.lock().writable.clone()
    }
}
