//! The one owner of every subject's order: it numbers, has stored, answers and delivers.
//!
//! A single task takes commands and the store's words, decides without waiting, and acts once per
//! turn: however many commands a turn took, it makes one append of them, and however many places a
//! turn decided, each subject's tail is pushed to once.

mod batches;
mod keeping;
mod line;
mod seats;
#[cfg(test)]
mod tests;
mod unseated;

pub use batches::Answer;

use crate::{
    AppendError, Message, MessageId, Observer, Publication, PublishError, Published, PurgeError,
    ReadError, ReadFailure, Start, Subject, SubscribeError, SubscriptionEnd, Timestamp,
    lane::Lane,
    shared::{Phase, Shared},
    subscription::Standing,
    tail::Backlog,
};
use batches::{Batches, Slot};
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use keeping::Kept;
use seats::{Seat, Seats, Waiting};
use std::{collections::VecDeque, sync::Arc};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
    time::Instant,
};
use unseated::{CACHED_SUBJECTS, Unseated};

pub type SubscribeReply = oneshot::Sender<Result<Standing, SubscribeError>>;
pub type PurgeReply = oneshot::Sender<Result<MessageId, PurgeError>>;

/// What the front asks of the shard.
pub enum Command {
    Publish {
        batch: Vec<Publication>,
        reply: oneshot::Sender<Vec<Answer>>,
        room: OwnedSemaphorePermit,
    },
    Subscribe {
        subject: Subject,
        start: Start,
        reply: SubscribeReply,
    },
    Purge {
        subject: Subject,
        up_to: Option<MessageId>,
        reply: PurgeReply,
    },
    /// Let nothing more in; end when all that was let in is answered.
    Close,
}

/// Commands taken in one turn.
const TURN: usize = 1_024;

/// The shard's state. See the module's words.
pub struct Shard {
    shared: Arc<Shared>,
    commands: mpsc::Receiver<Command>,
    seats: Seats,
    backlog: Arc<Backlog>,
    batches: Batches,
    /// Messages numbered in this turn or while all appends were under way.
    outgoing: VecDeque<(Arc<Message>, PlaceKey)>,
    appends: FuturesUnordered<BoxFuture<'static, (Kept, Vec<PlaceKey>)>>,
    asking: FuturesUnordered<BoxFuture<'static, LastId>>,
    /// Seats whose front place may be decided.
    dirty: Vec<usize>,
    /// Seats whose tails may hold something, oldest first.
    backlogged: VecDeque<usize>,
    /// No command will come any more.
    is_drained: bool,
}

/// The store's word on a new subject, and the seat that waits for it.
type LastId = (Subject, usize, Result<MessageId, ReadError>);

/// A place in a subject's line.
#[derive(Clone, Copy)]
struct PlaceKey {
    seat: usize,
    number: u64,
}

impl Shard {
    /// A shard that knows no subject yet.
    pub fn new(shared: Arc<Shared>, commands: mpsc::Receiver<Command>, seed: u64) -> Self {
        let limits = shared.limits;
        Self {
            seats: Seats::new(&limits, seed),
            backlog: Arc::new(Backlog::new(limits.tail_bytes)),
            batches: Batches::new(limits.outcome_timeout),
            outgoing: VecDeque::new(),
            appends: FuturesUnordered::new(),
            asking: FuturesUnordered::new(),
            dirty: Vec::new(),
            backlogged: VecDeque::new(),
            is_drained: false,
            shared,
            commands,
        }
    }

    /// Serves until it is told to close and all that was accepted is answered, then ends every
    /// subscription.
    pub async fn run(mut self) {
        let mut commands = Vec::with_capacity(TURN);
        while !self.is_done() {
            self.wait(&mut commands).await;
            self.turn(&mut commands);
        }
        for lane in self.shared.lanes.all() {
            lane.tail.end(self.end_reason());
        }
    }

    fn is_done(&self) -> bool {
        self.is_drained && self.batches.all_answered() && self.asking.is_empty()
    }

    /// Waits until there is something to do, and takes the commands that are there.
    async fn wait(&mut self, commands: &mut Vec<Command>) {
        let deadline = self.batches.deadline();
        tokio::select! {
            biased;
            Some((kept, places)) = self.appends.next(), if !self.appends.is_empty() => {
                self.decide(kept, places);
            }
            Some((subject, key, last)) = self.asking.next(), if !self.asking.is_empty() => {
                self.asked(&subject, key, last);
            }
            received = self.commands.recv_many(commands, TURN), if !self.is_drained => {
                self.is_drained = received == 0;
            }
            () = sleep_until(deadline) => {}
        }
    }

    /// Does all that can be done without waiting.
    fn turn(&mut self, commands: &mut Vec<Command>) {
        while let Some(Some((kept, places))) = self.appends.next().now_or_never() {
            self.decide(kept, places);
        }
        while let Some(Some((subject, key, last))) = self.asking.next().now_or_never() {
            self.asked(&subject, key, last);
        }
        let now = self.shared.clock.now();
        let since = now_for_deadlines();
        for command in commands.drain(..) {
            self.take(command, now, since);
        }
        self.append();
        self.release();
        self.evict_backlog();
        self.batches.expire(since);
    }

    fn take(&mut self, command: Command, now: Timestamp, since: Instant) {
        match command {
            Command::Publish { batch, reply, room } => {
                let number = self.batches.open(batch.len(), since, reply, room);
                for (index, publication) in batch.into_iter().enumerate() {
                    self.publish(publication, Slot { batch: number, index }, now);
                }
            }
            // Who asked may be gone, here and below: then nobody wants to know.
            Command::Subscribe { subject, start, reply } => match self.seat(&subject) {
                Ok(key) => self.subscribe(key, start, reply),
                Err(unseated) => drop(reply.send(Err(unseated.into()))),
            },
            Command::Purge { subject, up_to, reply } => match self.seat(&subject) {
                Ok(key) => self.purge(key, up_to, reply),
                Err(unseated) => drop(reply.send(Err(unseated.into()))),
            },
            // What still comes was let in before.
            Command::Close => self.commands.close(),
        }
    }

    /// The seat of a subject; asks the store about a new one.
    fn seat(&mut self, subject: &Subject) -> Result<usize, Unseated> {
        if let Some(key) = self.seats.find(subject) {
            return Ok(key);
        }
        if self.seats.is_full() {
            self.forget_empty_tails();
            let evicted = self.seats.evict_idle();
            self.shared.lanes.remove(evicted.iter());
            if self.seats.is_full() {
                self.shared.observer.overloaded(CACHED_SUBJECTS);
                return Err(Unseated::Full);
            }
        }
        let mut asked = self.shared.storage.last_id(subject);
        // Most stores know at once that a subject is new.
        let Some(last) = (&mut asked).now_or_never() else {
            let key = self.seats.add(subject.clone());
            let subject = subject.clone();
            self.asking.push(async move { (subject, key, asked.await) }.boxed());
            return Ok(key);
        };
        let last = last.map_err(|error| Unseated::Unread(self.shared.read_failure(error)))?;
        let key = self.seats.add(subject.clone());
        self.settle(subject, key, last);
        Ok(key)
    }

    /// The store's word on a new subject.
    fn asked(&mut self, subject: &Subject, key: usize, last: Result<MessageId, ReadError>) {
        match last {
            Ok(last) => self.settle(subject, key, last),
            Err(error) => {
                let failure = self.shared.read_failure(error);
                for waiting in self.seats.forget(subject, key) {
                    self.refuse(waiting, failure);
                }
            }
        }
    }

    /// Takes a subject into use and does what waited for it.
    fn settle(&mut self, subject: &Subject, key: usize, last: MessageId) {
        let lane = Arc::new(Lane::new(subject.clone(), last, self.backlog.clone()));
        self.shared.lanes.insert(lane.clone());
        let now = self.shared.clock.now();
        for waiting in self.seats.settle(key, lane) {
            match waiting {
                Waiting::Publication(publication, slot) => {
                    self.publish_at(key, publication, slot, now);
                }
                Waiting::Subscribe(start, reply) => self.subscribe(key, start, reply),
                Waiting::Purge(up_to, reply) => self.purge(key, up_to, reply),
            }
        }
    }

    fn refuse(&mut self, waiting: Waiting, failure: ReadFailure) {
        match waiting {
            Waiting::Publication(_, slot) => {
                self.batches.answer(slot, Err(PublishError::StorageUnavailable));
            }
            Waiting::Subscribe(_, reply) => drop(reply.send(Err(failure.into()))),
            Waiting::Purge(_, reply) => drop(reply.send(Err(failure.into()))),
        }
    }

    fn publish(&mut self, publication: Publication, slot: Slot, now: Timestamp) {
        if self.shared.phase() == Phase::Standby {
            return self.batches.answer(slot, Err(PublishError::Standby));
        }
        match self.seat(&publication.subject) {
            Ok(key) => self.publish_at(key, publication, slot, now),
            Err(unseated) => self.batches.answer(slot, Err(unseated.into())),
        }
    }

    fn publish_at(&mut self, key: usize, publication: Publication, slot: Slot, now: Timestamp) {
        let ready = match self.seats.get(key) {
            Seat::Asking(waiting) => {
                return waiting.push(Waiting::Publication(publication, slot));
            }
            Seat::Ready(ready) => ready,
        };
        ready.touch();
        let (number, message) = ready.line.number(publication, now, slot);
        if message.is_stored() {
            self.outgoing.push_back((message, PlaceKey { seat: key, number }));
        } else {
            self.mark(key);
        }
    }

    fn subscribe(&mut self, key: usize, start: Start, reply: SubscribeReply) {
        let ready = match self.seats.get(key) {
            Seat::Asking(waiting) => return waiting.push(Waiting::Subscribe(start, reply)),
            Seat::Ready(ready) => ready,
        };
        ready.touch();
        let released = ready.lane.released();
        let after = match start {
            Start::Retained => MessageId::NONE,
            Start::New => released,
            Start::After(after) if after <= released => after,
            Start::After(after) => {
                let ahead = SubscribeError::ResumeAhead { after, last: released };
                return drop(reply.send(Err(ahead)));
            }
        };
        let reader = ready.lane.tail.attach();
        drop(reply.send(Ok(Standing { reader, after, released })));
    }

    fn purge(&mut self, key: usize, up_to: Option<MessageId>, reply: PurgeReply) {
        let ready = match self.seats.get(key) {
            Seat::Asking(waiting) => return waiting.push(Waiting::Purge(up_to, reply)),
            Seat::Ready(ready) => ready,
        };
        ready.touch();
        let released = ready.lane.released();
        if released.is_none() {
            return drop(reply.send(Err(PurgeError::NeverUsed)));
        }
        let up_to = up_to.unwrap_or(released);
        if up_to > released {
            return drop(reply.send(Err(PurgeError::Ahead { up_to, last: released })));
        }
        let purged = self.shared.storage.purge(&ready.lane.subject, up_to);
        let observer = self.shared.observer.clone();
        // Orders nothing with publishing: what it removes is released already.
        tokio::spawn(async move {
            let outcome = purged.await.map(|()| up_to);
            drop(reply.send(outcome.map_err(|error| unpurged(error, observer.as_ref()))));
        });
    }

    /// Hands the store what is numbered, in as few appends as there may be.
    fn append(&mut self) {
        let limits = self.shared.limits;
        while !self.outgoing.is_empty() && self.appends.len() < limits.appends_in_flight {
            let size = self.outgoing.len().min(limits.append_messages);
            let (batch, places): (Vec<_>, Vec<_>) = self.outgoing.drain(..size).unzip();
            let kept = keeping::keep(
                self.shared.storage.clone(),
                self.shared.observer.clone(),
                batch,
                limits.retry_pause,
            );
            self.appends.push(async move { (kept.await, places) }.boxed());
        }
    }

    /// Notes the store's words on an append.
    fn decide(&mut self, kept: Kept, places: Vec<PlaceKey>) {
        let one = |error| std::iter::repeat_n(Err(error), places.len()).collect();
        let decisions = match kept {
            Kept::Decided(decisions) => decisions,
            Kept::Failed(error) => one(error),
            Kept::Fenced => {
                self.shared.leave(Phase::Standby);
                for lane in self.shared.lanes.all() {
                    lane.tail.end(self.end_reason());
                }
                one(PublishError::Standby)
            }
        };
        for (place, decision) in places.into_iter().zip(decisions) {
            if let Some(ready) = self.seats.ready(place.seat) {
                ready.line.decide(place.number, decision);
                self.mark(place.seat);
            }
        }
    }

    fn mark(&mut self, key: usize) {
        if let Some(ready) = self.seats.ready(key)
            && !ready.is_dirty
        {
            ready.is_dirty = true;
            self.dirty.push(key);
        }
    }

    /// Lets what is decided at the front of its line reach readers, then answers its publishers.
    fn release(&mut self) {
        let mut decided = Vec::new();
        for key in std::mem::take(&mut self.dirty) {
            let Some(ready) = self.seats.ready(key) else { continue };
            ready.is_dirty = false;
            decided.extend(std::iter::from_fn(|| ready.line.release()));
            // Fetch may show a message before its subscribers hear of it, never after.
            if let Some(last) = decided.iter().map(|place| place.message.id).max()
                && !last.is_none()
            {
                ready.lane.release(last);
            }
            let messages = decided
                .iter()
                .filter(|place| place.decision.is_ok())
                .map(|place| place.message.clone());
            let holds = ready.lane.tail.push(messages);
            if holds && !ready.is_backlogged {
                ready.is_backlogged = true;
                self.backlogged.push_back(key);
            }
            for place in decided.drain(..) {
                self.answer(place);
            }
        }
    }

    fn answer(&mut self, place: line::Decided) {
        let line::Decided { message, slot, decision } = place;
        if decision.is_ok() {
            let bytes = message.body.len() as u64;
            self.shared.observer.accepted(1, bytes, message.is_stored());
        }
        self.batches.answer(slot, decision.map(|()| Published { id: message.id }));
    }

    /// Evicts from the tails that hold more than their share until all together hold what they may.
    fn evict_backlog(&mut self) {
        while self.backlog.is_over()
            && let Some(key) = self.backlogged.pop_front()
        {
            let share = self.backlog.limit() / (self.backlogged.len() + 1);
            let Some(ready) = self.seats.ready(key) else { continue };
            let weight = ready.lane.tail.weight();
            if weight == 0 {
                ready.is_backlogged = false;
                continue;
            }
            if weight >= share {
                ready.lane.tail.evict_half();
            }
            self.backlogged.push_back(key);
        }
    }

    fn forget_empty_tails(&mut self) {
        let Self { backlogged, seats, .. } = self;
        backlogged.retain(|key| {
            let Seat::Ready(ready) = seats.get(*key) else { return false };
            ready.is_backlogged = ready.lane.tail.weight() > 0;
            ready.is_backlogged
        });
    }

    fn end_reason(&self) -> SubscriptionEnd {
        match self.shared.phase() {
            Phase::Open | Phase::Closing => SubscriptionEnd::Closing,
            Phase::Standby => SubscriptionEnd::Standby,
        }
    }
}

/// Tells the observer what the caller is not told, and answers what the caller is.
fn unpurged(error: AppendError, observer: &dyn Observer) -> PurgeError {
    observer.storage_failed(&error.to_string());
    match error {
        AppendError::Full(bound) => PurgeError::Overloaded(bound),
        AppendError::Unavailable(_) => PurgeError::StorageUnavailable,
        AppendError::Unknown(_) | AppendError::Lost(_) => PurgeError::OutcomeUnknown,
        AppendError::Fenced => PurgeError::Standby,
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Tokio's clock, which a test can pause: deadlines for answers are no message times.
#[expect(clippy::disallowed_methods, reason = "timers of the runtime run on the runtime's clock")]
fn now_for_deadlines() -> Instant {
    Instant::now()
}
