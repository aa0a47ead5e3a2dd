//! How the database does, as the writers see it.

use broker_core::Writable;
use parking_lot::Mutex;
use tokio::time::Instant;

/// What the writers heard last.
pub struct Health(Mutex<State>);

struct State {
    answered: Instant,
    /// When that was heard.
    noted: Instant,
    writable: Writable,
}

impl Health {
    /// Well, from now on.
    pub fn new() -> Self {
        let now = Instant::now();
        Self(Mutex::new(State { answered: now, noted: now, writable: Writable::Yes }))
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
        state.noted = Instant::now();
        if has_answered {
            state.answered = state.noted;
        }
        if !matches!(state.writable, Writable::Closed(_)) {
            state.writable = writable;
        }
    }

    /// When it last answered.
    pub fn answered(&self) -> Instant {
        self.0.lock().answered
    }

    /// Whether appends can succeed, and when that was heard.
    pub fn last_word(&self) -> (Writable, Instant) {
        let state = self.0.lock();
        (state.writable.clone(), state.noted)
    }
}
