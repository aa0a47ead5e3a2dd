//! The kept messages of one subject.

use broker_core::{Headers, Message, MessageId, Subject, Timestamp};
use bytes::Bytes;
use std::{collections::VecDeque, sync::Arc};

/// One kept message, without its subject and id.
#[derive(Debug)]
pub struct Kept {
    /// Differs for every message that this store ever kept.
    pub serial: u64,
    pub published_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub headers: Headers,
    pub body: Bytes,
}

impl Kept {
    pub fn new(message: &Message, serial: u64) -> Self {
        Self {
            serial,
            published_at: message.published_at,
            expires_at: message.expires_at,
            headers: message.headers.clone(),
            body: message.body.clone(),
        }
    }

    pub fn message(&self, subject: &Subject, id: MessageId) -> Arc<Message> {
        Arc::new(Message::new(
            subject.clone(),
            id,
            self.published_at,
            self.expires_at,
            self.headers.clone(),
            self.body.clone(),
        ))
    }
}

/// A place for a message; empty when it went before its neighbours did.
#[derive(Debug)]
pub struct Place {
    id: MessageId,
    kept: Option<Box<Kept>>,
}

impl Place {
    /// The message that is still there.
    pub fn into_kept(self) -> Option<Box<Kept>> {
        self.kept
    }
}

/// Messages ascending by id. Made for what is usual: they come in order, and the oldest go first.
/// What goes from the middle leaves an empty place, and empty places are closed up when they are
/// more than the others, so each removal costs a constant share of that.
#[derive(Debug, Default)]
pub struct Sequence {
    places: VecDeque<Place>,
    empty: usize,
}

impl Sequence {
    pub fn get(&self, id: MessageId) -> Option<&Kept> {
        let at = self.position(id).ok()?;
        self.places[at].kept.as_deref()
    }

    /// Adds a message; one with that id must not be there.
    pub fn insert(&mut self, id: MessageId, kept: Kept) {
        let place = Place { id, kept: Some(Box::new(kept)) };
        if self.places.back().is_none_or(|last| last.id < id) {
            return self.places.push_back(place);
        }
        match self.position(id) {
            Ok(at) => {
                let before = std::mem::replace(&mut self.places[at], place);
                debug_assert!(before.kept.is_none(), "an id is kept once");
                self.empty -= 1;
            }
            // Only as far from the end as appends overlap.
            Err(at) => self.places.insert(at, place),
        }
    }

    /// Takes out the message with that id, if it is the one with that serial.
    pub fn remove(&mut self, id: MessageId, serial: u64) -> Option<Box<Kept>> {
        let at = self.position(id).ok()?;
        let kept = self.places[at].kept.take_if(|kept| kept.serial == serial)?;
        self.empty += 1;
        self.trim();
        Some(kept)
    }

    /// Takes out everything up to and including that id.
    pub fn take_up_to(&mut self, id: MessageId) -> VecDeque<Place> {
        let above = self.places.partition_point(|place| place.id <= id);
        let rest = self.places.split_off(above);
        let taken = std::mem::replace(&mut self.places, rest);
        self.empty -= taken.iter().filter(|place| place.kept.is_none()).count();
        self.trim();
        taken
    }

    /// The messages above that id.
    pub fn after(&self, id: MessageId) -> impl Iterator<Item = (MessageId, &Kept)> {
        let above = self.places.partition_point(|place| place.id <= id);
        let places = self.places.range(above..);
        places.filter_map(|place| Some((place.id, place.kept.as_deref()?)))
    }

    fn position(&self, id: MessageId) -> Result<usize, usize> {
        self.places.binary_search_by_key(&id, |place| place.id)
    }

    fn trim(&mut self) {
        while self.places.pop_front_if(|place| place.kept.is_none()).is_some() {
            self.empty -= 1;
        }
        while self.places.pop_back_if(|place| place.kept.is_none()).is_some() {
            self.empty -= 1;
        }
        if self.empty * 2 > self.places.len() {
            self.places.retain(|place| place.kept.is_some());
            self.empty = 0;
        }
        // A quarter, so that growing and shrinking do not alternate.
        if self.places.len() < self.places.capacity() / 4 {
            self.places.shrink_to(self.places.len() * 2);
        }
    }
}
