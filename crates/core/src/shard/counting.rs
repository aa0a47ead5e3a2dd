//! What the observer is told of a released part of a line: once for all of it, since it is told on the
//! way of every message.

use super::line::Decided;
use crate::Observer;

/// Tells of the messages that are about to be acknowledged.
pub fn tell(decided: &[Decided], observer: &dyn Observer) {
    for is_stored in [true, false] {
        let (mut messages, mut bytes) = (0, 0);
        let accepted = decided.iter().filter(|place| place.decision.is_ok());
        for message in accepted.map(|place| &place.message).filter(|it| it.is_stored() == is_stored)
        {
            messages += 1;
            bytes += message.body.len() as u64;
        }
        if messages > 0 {
            observer.accepted(messages, bytes, is_stored);
        }
    }
}
