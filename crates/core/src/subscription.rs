//! One subscriber's way through a subject.

use crate::{
    Message, MessageId, Page, ReadFailure, Stored, Subject, SubscriptionEnd, Timestamp,
    following::Following,
    lane::Lane,
    shared::{Phase, Seat, Shared},
    tail::{Reader, Take, Taken},
};
use std::{sync::Arc, time::Duration};

/// How long a subscription waits for its turn to read a page.
const PAGE_WAIT: Duration = Duration::from_secs(10);

/// What a subscription hands over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The message.
    pub message: Arc<Message>,
    /// Delivered-only messages that this subscriber lost just before this one.
    pub missed: u64,
}

/// A standing subscription. Dropping it ends it.
///
/// It reads the store up to a known id and then follows the subject's tail; when the tail has gone
/// on without it, it goes back to the store for what it lacks. The two never overlap: the store is
/// read only up to the id from which the tail goes on.
pub struct Subscription {
    shared: Arc<Shared>,
    subject: Subject,
    reader: Reader,
    /// The last id that was passed.
    last: MessageId,
    /// Up to where the store is to be read before the tail is followed.
    until: MessageId,
    taken: Vec<Taken>,
    following: Following,
    _seat: Seat,
}

/// Where a subscription stands when the shard has made it.
pub struct Standing {
    pub lane: Arc<Lane>,
    pub reader: Reader,
    /// Only ids above this one are wanted.
    pub after: MessageId,
    /// The last id released before the reader was attached.
    pub released: MessageId,
}

impl Subscription {
    pub(crate) fn new(
        shared: Arc<Shared>,
        subject: Subject,
        standing: Standing,
        seat: Seat,
    ) -> Self {
        let Standing { lane, reader, after, released } = standing;
        let following = shared.followers.add(lane, after);
        Self {
            shared,
            subject,
            reader,
            last: after,
            until: released,
            taken: Vec::new(),
            following,
            _seat: seat,
        }
    }

    /// Waits for the next messages and appends them to `into`, in order: at least one, and no more
    /// once their weight passes `limit` bytes. Each was unexpired at the moment of this return.
    /// Cancel-safe: a dropped wait loses nothing.
    ///
    /// # Errors
    /// Why the subscription ended; it gives nothing more after that.
    pub async fn next(
        &mut self,
        limit: usize,
        into: &mut Vec<Delivery>,
    ) -> Result<(), SubscriptionEnd> {
        let before = into.len();
        while into.len() == before {
            let expired = if self.last < self.until {
                self.read_page(limit, into).await?
            } else {
                self.follow_tail(limit, into).await?
            };
            self.following.is_at(self.last, self.last < self.until);
            if let Some(expired_at) = expired {
                self.shared.remember_expiry(expired_at).await;
            }
        }
        let bytes = into[before..].iter().map(|delivery| delivery.message.body.len() as u64).sum();
        self.shared.observer.delivered((into.len() - before) as u64, bytes);
        Ok(())
    }

    /// Reads on in the store. Answers the latest expiry among what was skipped.
    async fn read_page(
        &mut self,
        limit: usize,
        into: &mut Vec<Delivery>,
    ) -> Result<Option<Timestamp>, SubscriptionEnd> {
        let page = self.page(limit.min(self.shared.limits.page_read_bytes)).await?;
        let now = self.shared.clock.now();
        let before = into.len();
        let mut skipped = Skipped::default();
        let mut end = page.next.unwrap_or(self.until);
        for place in page.messages {
            let id = place.id();
            if id > self.until {
                end = self.until;
                break;
            }
            match place {
                Stored::Message(message) if message.is_expired(now) => skipped.add(&message),
                Stored::Message(message) => into.push(Delivery { message, missed: 0 }),
                // What came before is handed over first; the next read finds the damage again.
                Stored::Damaged(_) if into.len() > before => return Ok(self.report(&skipped)),
                Stored::Damaged(id) => return Err(ReadFailure::Damaged(id).into()),
            }
            self.last = id;
        }
        self.last = self.last.max(end.min(self.until));
        Ok(self.report(&skipped))
    }

    async fn page(&self, limit: usize) -> Result<Page, SubscriptionEnd> {
        match self.shared.phase() {
            Phase::Open => {}
            Phase::Closing => return Err(SubscriptionEnd::Closing),
            Phase::Standby => return Err(SubscriptionEnd::Standby),
        }
        let turn = tokio::time::timeout(PAGE_WAIT, self.shared.pages.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            self.shared.observer.overloaded("pages_in_flight");
            return Err(SubscriptionEnd::Overloaded("pages_in_flight"));
        };
        let read = self.shared.storage.read_after(&self.subject, self.last, limit).await;
        read.map_err(|error| self.shared.read_failure(error).into())
    }

    /// Takes what the tail has, waiting for it. Answers the latest expiry among what was skipped.
    async fn follow_tail(
        &mut self,
        limit: usize,
        into: &mut Vec<Delivery>,
    ) -> Result<Option<Timestamp>, SubscriptionEnd> {
        // Left over only if the wait before was dropped half-way, and then it is empty.
        self.taken.clear();
        match self.reader.take(limit, &mut self.taken).await {
            Take::Messages => {}
            Take::Behind(until) => {
                self.until = until;
                return Ok(None);
            }
            Take::End(why) => return Err(why),
        }
        let now = self.shared.clock.now();
        let mut skipped = Skipped::default();
        for taken in self.taken.drain(..) {
            if taken.message.is_stored() {
                self.last = taken.message.id;
                self.until = self.last;
            }
            if taken.message.is_expired(now) {
                skipped.add(&taken.message);
                continue;
            }
            let missed = self.reader.account(&taken);
            if missed > 0 {
                self.shared.observer.missed(missed);
            }
            into.push(Delivery { message: taken.message, missed });
        }
        Ok(self.report(&skipped))
    }

    fn report(&self, skipped: &Skipped) -> Option<Timestamp> {
        if skipped.messages > 0 {
            self.shared.observer.expired(skipped.messages);
        }
        skipped.latest
    }
}

/// Expired messages that were passed.
#[derive(Default)]
struct Skipped {
    messages: u64,
    latest: Option<Timestamp>,
}

impl Skipped {
    fn add(&mut self, message: &Message) {
        self.messages += 1;
        self.latest = self.latest.max(message.expires_at);
    }
}
