//! The order of one subject: numbering, deciding, releasing. Plain decisions, no effects.

use super::batches::Slot;
use crate::{Message, MessageId, Publication, PublishError, Timestamp};
use std::{collections::VecDeque, sync::Arc};

/// The messages of a subject that are numbered and not yet released, in their order.
///
/// A delivered-only message takes its place among the stored ones, so it is released after the
/// earlier of them and before the later.
pub struct Line {
    last: MessageId,
    /// Number of the front place since the line began.
    front: u64,
    places: VecDeque<Place>,
}

/// One message's place.
pub struct Place {
    /// The message.
    pub message: Arc<Message>,
    /// Where its publisher waits.
    pub slot: Slot,
    decision: Option<Result<(), PublishError>>,
}

/// A place as it leaves the line.
pub struct Decided {
    /// The message.
    pub message: Arc<Message>,
    /// Where its publisher waits.
    pub slot: Slot,
    /// Whether it is released, or why not.
    pub decision: Result<(), PublishError>,
}

impl Decided {
    /// Takes back that it is released, if it is delivered only.
    pub fn withhold_unless_stored(&mut self) {
        if !self.message.is_stored() && self.decision.is_ok() {
            self.decision = Err(PublishError::StorageUnavailable);
        }
    }
}

impl Line {
    /// A line that goes on after this id.
    pub fn new(last: MessageId) -> Self {
        Self { last, front: 0, places: VecDeque::new() }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Gives a publication its place, and its id if it is to be stored. Answers the place's number
    /// and the message.
    pub fn number(
        &mut self,
        publication: Publication,
        now: Timestamp,
        slot: Slot,
    ) -> (u64, Arc<Message>) {
        let Publication { subject, headers, body, lifetime, trace } = publication;
        let stored = lifetime.is_stored();
        if stored {
            self.last = self.last.next();
        }
        let id = if stored { self.last } else { MessageId::NONE };
        let expires_at = lifetime.expires_at(now);
        let message = Message::new(subject, id, now, expires_at, headers, body);
        let message = Arc::new(message.traced(trace));
        let decision = (!stored).then_some(Ok(()));
        let number = self.front + self.places.len() as u64;
        self.places.push_back(Place { message: message.clone(), slot, decision });
        (number, message)
    }

    /// Settles a place once; later words on it are ignored.
    pub fn decide(&mut self, number: u64, decision: Result<(), PublishError>) {
        let index = usize::try_from(number - self.front).unwrap_or(usize::MAX);
        if let Some(place) = self.places.get_mut(index) {
            place.decision.get_or_insert(decision);
        }
    }

    /// Takes the front place if it is decided.
    pub fn release(&mut self) -> Option<Decided> {
        let decision = self.places.front()?.decision?;
        let place = self.places.pop_front()?;
        self.front += 1;
        if self.places.is_empty() && self.places.capacity() > 1_024 {
            self.places = VecDeque::new();
        }
        Some(Decided { message: place.message, slot: place.slot, decision })
    }

    /// Gives up every place: nothing of the line is released or acknowledged any more. Answers where
    /// publishers wait, and what they are told.
    pub fn abandon(self) -> impl Iterator<Item = (Slot, PublishError)> {
        self.places.into_iter().map(|place| (place.slot, abandoned(&place)))
    }
}

/// What a publisher is told of a place when nothing may be acknowledged any more.
fn abandoned(place: &Place) -> PublishError {
    match place.decision {
        Some(Err(error)) => error,
        Some(Ok(())) if !place.message.is_stored() => PublishError::Standby,
        // The store has it, or was asked to keep it.
        Some(Ok(())) | None => PublishError::OutcomeUnknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Headers, Lifetime, Subject};
    use bytes::Bytes;

    fn publication(lifetime: Lifetime) -> Publication {
        Publication {
            subject: Subject::new("s").unwrap(),
            headers: Headers::default(),
            body: Bytes::new(),
            lifetime,
            trace: None,
        }
    }

    fn released(line: &mut Line) -> Vec<(u64, bool)> {
        std::iter::from_fn(|| line.release())
            .map(|place| (place.message.id.0, place.decision.is_ok()))
            .collect()
    }

    #[test]
    fn places_leave_in_order_however_they_are_decided() {
        let mut line = Line::new(MessageId(7));
        let mut number = |lifetime| {
            line.number(publication(lifetime), Timestamp(1), Slot { batch: 0, index: 0 }).0
        };
        let first = number(Lifetime::Forever);
        let _between = number(Lifetime::DeliverOnly);
        let second = number(Lifetime::Forever);
        line.decide(second, Ok(()));
        assert_eq!(released(&mut line), []);
        line.decide(first, Err(PublishError::StorageUnavailable));
        assert_eq!(released(&mut line), [(8, false), (0, true), (9, true)]);
        assert!(line.is_empty());
    }

    #[test]
    fn a_delivered_only_message_takes_no_id() {
        let mut line = Line::new(MessageId::NONE);
        let slot = Slot { batch: 0, index: 0 };
        assert!(line.number(publication(Lifetime::DeliverOnly), Timestamp(1), slot).1.id.is_none());
        let stored = line.number(publication(Lifetime::Forever), Timestamp(1), slot).1;
        assert_eq!(stored.id, MessageId(1));
    }

    #[test]
    fn an_abandoned_line_acknowledges_nothing_and_says_what_is_known() {
        let mut line = Line::new(MessageId::NONE);
        let mut number = |index, lifetime| {
            line.number(publication(lifetime), Timestamp(1), Slot { batch: 0, index }).0
        };
        let _undecided = number(0, Lifetime::Forever);
        let stored = number(1, Lifetime::Forever);
        let refused = number(2, Lifetime::Forever);
        let _passed = number(3, Lifetime::DeliverOnly);
        line.decide(stored, Ok(()));
        line.decide(refused, Err(PublishError::Refused));
        let told: Vec<_> = line.abandon().map(|(slot, error)| (slot.index, error)).collect();
        let unknown = PublishError::OutcomeUnknown;
        let all = [unknown, unknown, PublishError::Refused, PublishError::Standby];
        assert_eq!(told, all.into_iter().enumerate().collect::<Vec<_>>());
    }
}
