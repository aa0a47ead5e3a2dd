//! How far a subscription has come: plain state, without a wait.

use super::Event;
use crate::{Error, error::Effect, wire};
use broker_proto::MessageResponse;
use tonic::Status;

/// The way of a subscription through its subject.
#[derive(Debug)]
pub struct Progress {
    position: u64,
    /// The damaged message that ended it.
    damaged: u64,
    discarded: u64,
    /// What the messages that were discarded said of lost ones.
    missed: u64,
}

impl Progress {
    pub fn after(position: u64) -> Self {
        Self { position, damaged: 0, discarded: 0, missed: 0 }
    }

    pub fn position(&self) -> u64 {
        self.position
    }

    pub fn discarded(&self) -> u64 {
        self.discarded
    }

    /// A message came.
    pub fn take(&mut self, message: MessageResponse) -> Event {
        let mut delivery = wire::delivery(message);
        // Delivered-only messages have no place to go on from.
        if delivery.id > 0 && delivery.id <= self.position {
            self.discarded += 1;
            self.missed += delivery.missed;
            return Event::Discarded { id: delivery.id };
        }
        self.position = self.position.max(delivery.id);
        delivery.missed += std::mem::take(&mut self.missed);
        Event::Message(delivery)
    }

    /// It ended at that message.
    pub fn meet_damage(&mut self, id: u64) {
        self.damaged = id;
    }

    /// It is to go on behind it.
    pub fn pass_damage(&mut self) {
        self.position = self.position.max(std::mem::take(&mut self.damaged));
    }
}

/// Why a stream of the wire ended. Never in silence: the broker ends no subscription with OK.
pub fn end(status: Option<Status>) -> Error {
    match status {
        Some(status) => Error::from_status(&status, Effect::Reads),
        None => Error::interrupted(Effect::Reads, "the subscription was cut off"),
    }
}
