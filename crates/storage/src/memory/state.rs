//! All that the store holds.

use super::{
    CLOSED, MemoryConfig,
    expiries::{Expiries, Expiring},
    room::{Room, cost},
    sequence::{Kept, Place, Sequence},
    tallying,
};
use broker_core::{
    AppendError, Appended, IdRange, Message, MessageId, Page, Reclaimed, Stored, Subject,
    SubjectSummary, Tally, Timestamp, Writable,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Bound,
    sync::Arc,
};

/// Messages freed in one go: some tens of microseconds during which others wait.
const PIECE: usize = 512;

/// A subject that ever had a stored message.
struct Topic {
    subject: Subject,
    last: MessageId,
    kept: Sequence,
}

/// Messages that are no longer in use, for dropping after the lock is let go.
pub type Freed = Vec<Box<Kept>>;

pub struct State {
    bounds: MemoryConfig,
    used: Room,
    held: Held,
    is_closed: bool,
}

/// What closing lets go of.
#[derive(Default)]
pub struct Held {
    names: BTreeMap<Subject, usize>,
    topics: Vec<Topic>,
    expiries: Expiries,
    /// Purged and not yet freed; no read sees them.
    purged: VecDeque<VecDeque<Place>>,
    serials: u64,
}

impl State {
    pub fn new(bounds: MemoryConfig) -> Self {
        Self { bounds, used: Room::default(), held: Held::default(), is_closed: false }
    }

    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    pub fn bounds(&self) -> MemoryConfig {
        self.bounds
    }

    pub fn used(&self) -> Room {
        self.used
    }

    pub fn append(&mut self, batch: &[Arc<Message>]) -> Result<Vec<Appended>, AppendError> {
        if self.is_closed {
            return Err(AppendError::Unavailable(CLOSED.into()));
        }
        let need = self.held.need(batch);
        if let Some(bound) = self.lack(&need) {
            return Err(AppendError::Full(bound));
        }
        Ok(batch.iter().map(|message| self.keep(message)).collect())
    }

    /// The name of the bound that stands against `need`, after freeing what is purged if that helps.
    fn lack(&mut self, need: &Room) -> Option<&'static str> {
        if let Some(bound) = self.used.subjects_lack(need, &self.bounds) {
            return Some(bound);
        }
        loop {
            let bound = self.used.messages_lack(need, &self.bounds)?;
            if self.free_purged().is_empty() {
                return Some(bound);
            }
        }
    }

    fn keep(&mut self, message: &Message) -> Appended {
        if !message.is_stored() {
            return Appended::Refused("it has no id".into());
        }
        let index = match self.held.names.get(&message.subject) {
            Some(index) => *index,
            None => self.add_topic(&message.subject),
        };
        let Held { topics, expiries, serials, .. } = &mut self.held;
        let topic = &mut topics[index];
        if topic.keeps(message.id) {
            return Appended::Stored;
        }
        *serials += 1;
        let kept = Kept::new(message, *serials);
        if let Some(at) = kept.expires_at {
            expiries.add(at, Expiring { topic: index, id: message.id, serial: kept.serial });
        }
        self.used.add_message(cost(&kept.headers, &kept.body));
        topic.last = topic.last.max(message.id);
        topic.kept.insert(message.id, kept);
        Appended::Stored
    }

    fn add_topic(&mut self, subject: &Subject) -> usize {
        let index = self.held.topics.len();
        let topic =
            Topic { subject: subject.clone(), last: MessageId::NONE, kept: Sequence::default() };
        self.held.topics.push(topic);
        self.held.names.insert(subject.clone(), index);
        self.used.add_subject(subject);
        index
    }

    pub fn fetch(&self, subject: &Subject, id: MessageId) -> Option<Arc<Message>> {
        let topic = self.held.topic(subject)?;
        Some(topic.kept.get(id)?.message(&topic.subject, id))
    }

    /// Counts a message's whole weight against the limit, its bookkeeping too: a page of empty
    /// messages takes memory as well.
    pub fn read_after(&self, subject: &Subject, after: MessageId, limit: usize) -> Page {
        let mut page = Page::default();
        let Some(topic) = self.held.topic(subject) else { return page };
        let (mut weight, mut last) = (0, None);
        for (id, kept) in topic.kept.after(after) {
            if last.is_some() && weight >= limit {
                page.next = last;
                break;
            }
            let message = kept.message(&topic.subject, id);
            weight += message.weight();
            last = Some(id);
            page.messages.push(Stored::Message(message));
        }
        page
    }

    pub fn last_id(&self, subject: &Subject) -> MessageId {
        self.held.topic(subject).map_or(MessageId::NONE, |topic| topic.last)
    }

    pub fn subjects(&self, from: Bound<&Subject>, limit: usize) -> Vec<SubjectSummary> {
        let names = self.held.names.range::<Subject, _>((from, Bound::Unbounded));
        names
            .take(limit)
            .map(|(subject, index)| SubjectSummary {
                subject: subject.clone(),
                last_id: self.held.topics[*index].last,
            })
            .collect()
    }

    pub fn tally(&self, ranges: &[IdRange], now: Timestamp) -> Vec<Tally> {
        let kept = |subject: &Subject| self.held.topic(subject).map(|topic| &topic.kept);
        tallying::tally(ranges, kept, now)
    }

    /// Purged messages are out of sight at once; what is more than a piece of them is freed later,
    /// when an append needs the room or by [`State::reclaim`].
    pub fn purge(&mut self, subject: &Subject, up_to: MessageId) -> Result<Freed, AppendError> {
        if self.is_closed {
            return Err(AppendError::Unavailable(CLOSED.into()));
        }
        let Some(index) = self.held.names.get(subject) else { return Ok(Freed::new()) };
        let taken = self.held.topics[*index].kept.take_up_to(up_to);
        if !taken.is_empty() {
            self.held.purged.push_back(taken);
        }
        Ok(self.free_purged())
    }

    /// Frees a piece of what was purged.
    fn free_purged(&mut self) -> Freed {
        let mut freed = Freed::new();
        while freed.len() < PIECE
            && let Some(batch) = self.held.purged.front_mut()
        {
            let Some(place) = batch.pop_front() else {
                self.held.purged.pop_front();
                continue;
            };
            let Some(kept) = place.into_kept() else { continue };
            if let Some(at) = kept.expires_at {
                self.held.expiries.remove(at, kept.serial);
            }
            self.used.remove_message(cost(&kept.headers, &kept.body));
            freed.push(kept);
        }
        freed
    }

    /// Frees a piece of what was purged or expired by `now`.
    pub fn reclaim(&mut self, now: Timestamp) -> (Reclaimed, Freed) {
        let before = self.used;
        let mut freed = self.free_purged();
        while freed.len() < PIECE
            && let Some(expiring) = self.held.expiries.pop_due(now)
        {
            let topic = &mut self.held.topics[expiring.topic];
            // Nothing there: it is purged, and freed as that.
            if let Some(kept) = topic.kept.remove(expiring.id, expiring.serial) {
                self.used.remove_message(cost(&kept.headers, &kept.body));
                freed.push(kept);
            }
        }
        let reclaimed = Reclaimed {
            messages: (before.messages - self.used.messages) as u64,
            bytes: (before.bytes - self.used.bytes) as u64,
            more: !self.held.purged.is_empty() || self.held.expiries.is_due(now),
        };
        (reclaimed, freed)
    }

    pub fn writable(&self) -> Writable {
        if self.is_closed {
            return Writable::Closed(CLOSED.into());
        }
        match self.used.messages_lack(&Room::smallest(), &self.bounds) {
            Some(bound) if self.held.purged.is_empty() => Writable::Full(bound),
            _ => Writable::Yes,
        }
    }

    pub fn close(&mut self) -> Held {
        self.is_closed = true;
        self.used = Room::default();
        std::mem::take(&mut self.held)
    }
}

impl Topic {
    fn keeps(&self, id: MessageId) -> bool {
        id <= self.last && self.kept.get(id).is_some()
    }
}

impl Held {
    fn topic(&self, subject: &Subject) -> Option<&Topic> {
        Some(&self.topics[*self.names.get(subject)?])
    }

    /// What a batch would take. Within a batch the ids of a subject ascend, so none comes twice.
    fn need(&self, batch: &[Arc<Message>]) -> Room {
        let mut need = Room::default();
        let mut new = BTreeSet::new();
        for message in batch.iter().filter(|message| message.is_stored()) {
            let topic = self.topic(&message.subject);
            if topic.is_none() && new.insert(&message.subject) {
                need.add_subject(&message.subject);
            }
            if !topic.is_some_and(|topic| topic.keeps(message.id)) {
                need.add_message(cost(&message.headers, &message.body));
            }
        }
        need
    }
}
