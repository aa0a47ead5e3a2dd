//! The one owner of every subject's order: it numbers, has stored, answers and delivers.
//!
//! A single task takes commands and the store's words, decides without waiting, and acts once per
//! turn: however many commands a turn took, it makes one append of them, and however many places a
//! turn decided, each subject's tail is pushed to once.

mod abdication;
mod appends;
mod batches;
mod command;
mod counting;
mod keeping;
mod line;
mod purging;
mod seats;
#[cfg(test)]
mod tests;
mod unseated;

pub use batches::Answer;
pub use command::{Command, PurgeReply, SubscribeReply};

use crate::{
    MessageId, Publication, Published, PurgeError, ReadError, ReadFailure, Start, StorageFuture,
    Subject, SubscribeError, SubscriptionEnd, Timestamp,
    lane::Lane,
    shared::{Phase, Shared},
    subscription::Standing,
    tail::Backlog,
    trace::spans as trace,
};
use appends::Appends;
use batches::{Batches, Slot};
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use keeping::{Kept, Try};
use seats::{Seat, Seats, Waiting};
use std::{collections::VecDeque, sync::Arc};
use tokio::{sync::mpsc, time::Instant};
use unseated::{CACHED_SUBJECTS, Unseated};

/// Commands taken in one turn.
const TURN: usize = 1_024;

/// The shard's state. See the module's words.
pub struct Shard {
    shared: Arc<Shared>,
    commands: mpsc::Receiver<Command>,
    seats: Seats,
    backlog: Arc<Backlog>,
    batches: Batches,
    appends: Appends,
    /// Appends of messages whose outcome is unknown, until it is known.
    repeats: Appends,
    /// Done when another broker owns the store.
    fence: StorageFuture<String>,
    heard: Heard,
    /// At the beginning of the turn this broker was the store's owner beyond doubt.
    is_owner: bool,
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

/// The store's words that no turn has acted on yet.
#[derive(Default)]
struct Heard {
    kept: Vec<Kept>,
    last_ids: Vec<LastId>,
    /// Another broker owns the store; why.
    fenced: Option<String>,
}

/// A place in a subject's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PlaceKey {
    seat: usize,
    number: u64,
}

impl Shard {
    /// A shard that knows no subject yet.
    pub fn new(shared: Arc<Shared>, commands: mpsc::Receiver<Command>, seed: u64) -> Self {
        let limits = shared.limits;
        let fence = {
            let shared = shared.clone();
            async move { shared.fence.raised(&*shared.storage).await }.boxed()
        };
        Self {
            seats: Seats::new(&limits, seed),
            backlog: shared.backlog.clone(),
            batches: Batches::new(limits.outcome_timeout),
            appends: Appends::new(Try::First),
            repeats: Appends::new(Try::Again),
            fence,
            heard: Heard::default(),
            is_owner: true,
            asking: FuturesUnordered::new(),
            dirty: Vec::new(),
            backlogged: VecDeque::new(),
            is_drained: false,
            shared,
            commands,
        }
    }

    /// Serves until it is told to close and all that was accepted is answered, or until another broker
    /// owns the store; then ends every subscription.
    pub async fn run(mut self) {
        let mut commands = Vec::with_capacity(TURN);
        while !self.is_done() {
            self.wait(&mut commands).await;
            self.listen();
            if let Some(reason) = self.heard.fenced.take() {
                return self.abdicate(&reason, commands).await;
            }
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
            reason = &mut self.fence => self.heard.fenced = Some(reason),
            kept = self.appends.next() => self.hear(kept),
            kept = self.repeats.next() => self.hear(kept),
            Some(last) = self.asking.next(), if !self.asking.is_empty() => {
                self.heard.last_ids.push(last);
            }
            received = self.commands.recv_many(commands, TURN), if !self.is_drained => {
                self.is_drained = received == 0;
            }
            () = sleep_until(deadline) => {}
        }
    }

    /// Takes the words of the store that are there. Whether it is another broker's is asked last, so
    /// that nothing is acknowledged after the store said so.
    fn listen(&mut self) {
        while let Some(kept) = self.appends.next().now_or_never() {
            self.hear(kept);
        }
        while let Some(kept) = self.repeats.next().now_or_never() {
            self.hear(kept);
        }
        while let Some(Some(last)) = self.asking.next().now_or_never() {
            self.heard.last_ids.push(last);
        }
        self.is_owner = self.shared.storage.is_owner();
        if self.heard.fenced.is_none() {
            self.heard.fenced = (&mut self.fence).now_or_never();
        }
    }

    fn hear(&mut self, kept: Kept) {
        if kept.is_fenced {
            self.shared.notice_fence();
        }
        self.heard.kept.push(kept);
    }

    /// Does all that can be done without waiting.
    fn turn(&mut self, commands: &mut Vec<Command>) {
        let Heard { kept, last_ids, .. } = std::mem::take(&mut self.heard);
        for kept in kept {
            self.decide(kept);
        }
        for (subject, key, last) in last_ids {
            self.asked(&subject, key, last);
        }
        let now = self.shared.clock.now();
        let since = now_for_deadlines();
        for command in commands.drain(..) {
            self.take(command, now, since);
        }
        self.appends.start(&self.shared, self.batches.spans());
        self.repeats.start(&self.shared, self.batches.spans());
        self.release();
        self.evict_backlog();
        self.batches.expire(since);
    }

    fn take(&mut self, command: Command, now: Timestamp, since: Instant) {
        match command {
            // What still comes was let in before.
            Command::Close => self.commands.close(),
            command if !self.is_owner => command.refuse(ReadFailure::StorageUnavailable),
            Command::Publish { mut batch, span, reply, room } => {
                let number = self.batches.open(batch.len(), since, reply, room);
                if let Some(id) = self.batches.trace(number, trace::shard(&span)) {
                    batch
                        .iter_mut()
                        .filter_map(|publication| publication.trace.as_mut())
                        .for_each(|trace| trace.shard = Some(id.clone()));
                }
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
        let failure = match last {
            Ok(last) if self.is_owner => return self.settle(subject, key, last),
            Ok(_) => ReadFailure::StorageUnavailable,
            Err(error) => self.shared.read_failure(error),
        };
        for waiting in self.seats.forget(subject, key) {
            self.refuse(waiting, failure);
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
        let why = Unseated::Unread(failure);
        match waiting {
            Waiting::Publication(_, slot) => self.batches.answer(slot, Err(why.into())),
            Waiting::Subscribe(_, reply) => drop(reply.send(Err(why.into()))),
            Waiting::Purge(_, reply) => drop(reply.send(Err(why.into()))),
        }
    }

    fn publish(&mut self, publication: Publication, slot: Slot, now: Timestamp) {
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
            self.appends.add((message, PlaceKey { seat: key, number }));
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
        let (lane, reader) = (ready.lane.clone(), ready.lane.tail.attach());
        drop(reply.send(Ok(Standing { lane, reader, after, released })));
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
        purging::purge(&self.shared, &ready.lane.subject, up_to, reply);
    }

    /// Notes the store's words on an append.
    fn decide(&mut self, kept: Kept) {
        for (place, decision) in kept.decided {
            if let Some(ready) = self.seats.ready(place.seat) {
                ready.line.decide(place.number, decision);
                self.mark(place.seat);
            }
        }
        self.repeats.add_all(kept.unknown);
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
            if !self.is_owner {
                // What is stored was so in the owner's name; the rest would be delivered in it now.
                decided.iter_mut().for_each(line::Decided::withhold_unless_stored);
            }
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
            // Before the answers: who has one finds its message counted.
            counting::tell(&decided, &*self.shared.observer);
            for line::Decided { message, slot, decision } in decided.drain(..) {
                self.batches.answer(slot, decision.map(|()| Published { id: message.id }));
            }
        }
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
