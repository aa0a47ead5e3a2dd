//! What one subscription saw, in the order it came.

use super::{Faults, Layout, NUDGE, digest};
use crate::bench::{
    body::{self, Stamp},
    gaps::Gaps,
};
use broker_client::Delivery;

/// Looks at every message of one subscription.
#[derive(Debug, Clone)]
pub struct Follower {
    name: String,
    subject: u64,
    layout: Layout,
    lanes: Vec<Lane>,
    last_id: u64,
    received: u64,
    /// Of those, without what came again.
    distinct: u64,
    missed: u64,
    nudges: u64,
    is_cut_off: bool,
    faults: Faults,
}

/// The messages of one publisher.
#[derive(Debug, Clone, Default)]
pub struct Lane {
    /// The place that comes next.
    pub next: u64,
    /// Places that were passed over.
    pub gaps: Gaps,
    /// Of the numbers and ids that came.
    pub digest: u64,
}

impl Follower {
    /// Of the subject of that name, the `subject`-th of the layout, to which so many publishers send.
    pub fn new(name: String, subject: u64, layout: Layout, publishers: usize) -> Self {
        Self {
            name,
            subject,
            layout,
            lanes: vec![Lane::default(); publishers],
            last_id: 0,
            received: 0,
            distinct: 0,
            missed: 0,
            nudges: 0,
            is_cut_off: false,
            faults: Faults::default(),
        }
    }

    /// Takes a message in; `None` when there is nothing to measure on it.
    pub fn take(&mut self, message: &Delivery) -> Option<Stamp> {
        self.missed += message.missed;
        self.received += 1;
        let stamp = body::read(&message.body);
        let Some(stamp) = stamp.filter(|stamp| self.is_as_published(message, *stamp)) else {
            self.faults.wrong += 1;
            return None;
        };
        if stamp.publisher == NUDGE {
            self.received -= 1;
            self.nudges += 1;
            return None;
        }
        let place = self.layout.place(stamp.number);
        let at = usize::try_from(stamp.publisher).unwrap_or(usize::MAX);
        let Some(lane) = self.lanes.get_mut(at) else {
            self.faults.wrong += 1;
            return None;
        };
        let is_behind = place < lane.next;
        if is_behind && !lane.gaps.take(place) {
            self.faults.duplicated += 1;
            return None;
        }
        if !is_behind {
            lane.gaps.add(lane.next, place);
            lane.next = place + 1;
        }
        lane.digest = lane.digest.wrapping_add(digest(stamp.number, message.id));
        self.distinct += 1;
        if is_behind || (message.id > 0 && message.id <= self.last_id) {
            self.faults.reordered += 1;
        }
        self.last_id = self.last_id.max(message.id);
        Some(stamp)
    }

    /// Something stored came again, and the client kept it to itself.
    pub fn take_again(&mut self) {
        self.received += 1;
        self.faults.duplicated += 1;
    }

    /// The subscription failed: what did not come is not lost by that.
    pub fn cut_off(&mut self) {
        self.is_cut_off = true;
    }

    pub fn is_cut_off(&self) -> bool {
        self.is_cut_off
    }

    fn is_as_published(&self, message: &Delivery, stamp: Stamp) -> bool {
        let is_here = stamp.publisher == NUDGE
            || self.layout.subject(stamp.publisher, stamp.number) == self.subject;
        is_here && message.subject == self.name && has_lifetime(message, stamp)
    }

    /// Messages that came or were told as missed.
    pub fn progress(&self) -> u64 {
        self.distinct + self.missed
    }

    pub fn received(&self) -> u64 {
        self.received
    }

    pub fn subject(&self) -> u64 {
        self.subject
    }

    pub fn missed(&self) -> u64 {
        self.missed
    }

    pub fn nudges(&self) -> u64 {
        self.nudges
    }

    pub fn faults(&self) -> Faults {
        self.faults
    }

    pub fn lane(&self, publisher: usize) -> &Lane {
        &self.lanes[publisher]
    }
}

/// Whether id and times are those of a message of that lifetime.
pub fn has_lifetime(message: &Delivery, stamp: Stamp) -> bool {
    match (message.published_at, message.expires_at) {
        (Some(_), None) => stamp.lifetime.is_zero() && message.id == 0,
        (Some(from), Some(to)) => {
            message.id > 0 && to.duration_since(from).is_ok_and(|life| life == stamp.lifetime)
        }
        (None, _) => false,
    }
}
