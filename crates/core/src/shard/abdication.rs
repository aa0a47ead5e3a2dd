//! The end of a shard whose store another broker owns: nothing is acknowledged any more, and everybody
//! who waits is told what is known.

use super::{Command, Shard, seats::Seat};
use crate::{PublishError, ReadFailure, shared::Phase};

impl Shard {
    /// Answers all that was accepted, ends every subscription, and then tells who waits for that.
    pub(super) async fn abdicate(mut self, reason: &str, commands: Vec<Command>) {
        // A broker that is leaving goes on to say so.
        self.shared.leave(Phase::Standby);
        self.shared.observer.fenced(reason);
        for lane in self.shared.lanes.all() {
            lane.tail.end(self.end_reason());
        }
        self.note_failures();
        for seat in self.seats.take_all() {
            match seat {
                Seat::Ready(ready) => {
                    for (slot, error) in ready.line.abandon() {
                        self.batches.answer(slot, Err(error));
                    }
                }
                Seat::Asking(waiting) => {
                    for waiting in waiting {
                        self.refuse(waiting, ReadFailure::Standby);
                    }
                }
            }
        }
        for command in commands {
            command.refuse(ReadFailure::Standby);
        }
        self.commands.close();
        while let Some(command) = self.commands.recv().await {
            command.refuse(ReadFailure::Standby);
        }
        self.shared.fence.tell(reason);
    }

    /// Notes what is surely not stored.
    fn note_failures(&mut self) {
        let unheard = self.heard.kept.drain(..).flat_map(|kept| kept.decided);
        let failed = unheard.filter(|(_, decision)| decision.is_err());
        let held_back = self.appends.take_waiting();
        let held_back = held_back.map(|(_, place)| (place, Err(PublishError::Standby)));
        for (place, decision) in failed.chain(held_back) {
            if let Some(ready) = self.seats.ready(place.seat) {
                ready.line.decide(place.number, decision);
            }
        }
    }
}
