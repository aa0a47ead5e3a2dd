//! The front of the core: what the door calls.

use crate::{
    Batch, Clock, Count, CountError, Durability, FetchError, Lag, Limits, Listing, ListingError,
    ListingQuery, Message, MessageId, Observer, OpenError, Publication, PublishError, PurgeError,
    Storage, Subject, SubscribeError, Subscription, TimeSource, Usage, Writable,
    batch::{self, Receipt},
    listing,
    shard::{Command, Shard},
    shared::{Phase, Shared},
    trace::spans as trace,
};
use std::sync::{Arc, atomic::Ordering};
use tokio::{
    sync::{Semaphore, TryAcquireError, mpsc, oneshot, watch},
    time::MissedTickBehavior,
};
use tracing::{Instrument, Span};

/// Where a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With everything that is stored, then what is new.
    Retained,
    /// With what is new.
    New,
    /// With everything stored above this id, then what is new.
    After(MessageId),
}

/// A broker over one store. Cheap to clone; all clones are one broker.
#[derive(Clone)]
pub struct Broker {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    /// Room for messages that are accepted and not answered, in bytes.
    queue: Arc<Semaphore>,
    /// Turns true when the broker has left and its store is closed.
    left: watch::Receiver<bool>,
}

impl Broker {
    /// Starts the broker's shard on the current tokio runtime. No time below
    /// [`Storage::kept_time`] is used. `seed` is the chance that hash tables take.
    ///
    /// # Errors
    /// When the store cannot say what it holds.
    pub async fn open(
        storage: Arc<dyn Storage>,
        time: Arc<dyn TimeSource>,
        observer: Arc<dyn Observer>,
        limits: Limits,
        seed: u64,
    ) -> Result<Self, OpenError> {
        let clock = Clock::new(time, observer.clone(), storage.kept_time());
        let shared = Arc::new(Shared::new(storage, clock, observer, limits, seed));
        let (commands, receiver) = mpsc::channel(limits.waiting_calls);
        let (leave, left) = watch::channel(false);
        let shard = Shard::new(shared.clone(), receiver, seed);
        let reclaiming = tokio::spawn(reclaim(shared.clone()));
        tokio::spawn({
            let shared = shared.clone();
            async move {
                shard.run().await;
                reclaiming.abort();
                if let Err(error) = shared.storage.close().await {
                    shared.observer.storage_failed(&error.to_string());
                }
                leave.send_replace(true);
            }
        });
        let queue = Arc::new(Semaphore::new(limits.queued_bytes));
        Ok(Self { shared, commands, queue, left })
    }

    /// Hands over a batch and waits while the broker has no room for it (back-pressure: for
    /// streams). Batches of one caller are numbered in the order of these calls.
    ///
    /// # Errors
    /// [`PublishError::Closing`] or [`PublishError::Standby`]: nothing of the batch was taken.
    pub async fn submit(&self, batch: impl Into<Batch>) -> Result<Receipt, PublishError> {
        self.check_open()?;
        let Batch { publications, span } = batch.into();
        let weight = self.weight(&publications)?;
        let span = trace::publish(&span, &publications);
        let room = self.queue.clone().acquire_many_owned(weight).await;
        let room = room.map_err(|_| self.gone())?;
        let call = self.commands.reserve().await.map_err(|_| self.gone())?;
        // It may have begun to leave while this waited.
        self.check_open()?;
        let (receipt, command) = batch::publish(publications, span, room);
        if let Some(command) = command {
            call.send(command);
        }
        Ok(receipt)
    }

    /// As [`Broker::submit`], but refuses with [`PublishError::Overloaded`] where that would wait.
    ///
    /// # Errors
    /// Nothing of the batch was taken.
    pub fn try_submit(&self, batch: impl Into<Batch>) -> Result<Receipt, PublishError> {
        self.check_open()?;
        let Batch { publications, span } = batch.into();
        let weight = self.weight(&publications)?;
        let span = trace::publish(&span, &publications);
        let room = match self.queue.clone().try_acquire_many_owned(weight) {
            Ok(room) => room,
            Err(TryAcquireError::NoPermits) => return Err(self.overloaded("queued_bytes")),
            Err(TryAcquireError::Closed) => return Err(self.gone()),
        };
        let call = match self.commands.try_reserve() {
            Ok(call) => call,
            Err(mpsc::error::TrySendError::Full(())) => {
                return Err(self.overloaded("waiting_calls"));
            }
            Err(mpsc::error::TrySendError::Closed(())) => return Err(self.gone()),
        };
        let (receipt, command) = batch::publish(publications, span, room);
        if let Some(command) = command {
            call.send(command);
        }
        Ok(receipt)
    }

    /// Makes a subscription. It stands when this returns: every message acknowledged later reaches it.
    ///
    /// # Errors
    /// See [`SubscribeError`].
    pub async fn subscribe(
        &self,
        subject: Subject,
        start: Start,
    ) -> Result<Subscription, SubscribeError> {
        match self.shared.phase() {
            Phase::Open => {}
            Phase::Closing => return Err(SubscribeError::Closing),
            Phase::Standby => return Err(SubscribeError::Standby),
        }
        let Some(seat) = self.shared.seat() else {
            self.shared.observer.overloaded("subscriptions");
            return Err(SubscribeError::Overloaded("subscriptions"));
        };
        let (reply, standing) = oneshot::channel();
        let command = Command::Subscribe { subject: subject.clone(), start, reply };
        self.commands.send(command).await.map_err(|_| self.ended())?;
        let standing = standing.await.map_err(|_| self.ended())??;
        Ok(Subscription::new(self.shared.clone(), subject, standing, seat))
    }

    /// The message of that subject and id, until the moment it expires.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn fetch(
        &self,
        subject: &Subject,
        id: MessageId,
    ) -> Result<Arc<Message>, FetchError> {
        self.fetch_within(&Span::none(), subject, id).await
    }

    /// As [`Broker::fetch`], within a span if it is recorded.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn fetch_within(
        &self,
        span: &Span,
        subject: &Subject,
        id: MessageId,
    ) -> Result<Arc<Message>, FetchError> {
        match self.shared.phase() {
            Phase::Open => {}
            Phase::Closing => return Err(FetchError::Closing),
            Phase::Standby => return Err(FetchError::Standby),
        }
        let span = trace::fetch(span, subject, id);
        let answer = self.shared.as_owner(self.find(&span, subject, id).await);
        trace::fetched(&span, &answer);
        answer
    }

    async fn find(
        &self,
        span: &Span,
        subject: &Subject,
        id: MessageId,
    ) -> Result<Arc<Message>, FetchError> {
        if id.is_none() || self.is_unreleased(subject, id) {
            return Err(FetchError::NotFound);
        }
        let lookup = trace::lookup(span);
        let asked = lookup.in_scope(|| self.shared.storage.fetch(subject, id));
        let found = asked.instrument(lookup).await;
        // The lane may have come into use while the store was asked, and the message with it.
        if self.is_unreleased(subject, id) {
            return Err(FetchError::NotFound);
        }
        match found.map_err(|error| self.shared.read_failure(error))? {
            Some(message) => self.unexpired(message).await,
            None if id <= self.shared.last_id(subject).await? => Err(FetchError::Expired),
            None => Err(FetchError::NotFound),
        }
    }

    async fn unexpired(&self, message: Arc<Message>) -> Result<Arc<Message>, FetchError> {
        let Some(expires_at) = message.expires_at else { return Ok(message) };
        if !message.is_expired(self.shared.clock.now()) {
            return Ok(message);
        }
        self.shared.remember_expiry(expires_at).await;
        self.shared.observer.expired(1);
        Err(FetchError::Expired)
    }

    fn is_unreleased(&self, subject: &Subject, id: MessageId) -> bool {
        self.shared.lanes.get(subject).is_some_and(|lane| id > lane.released())
    }

    /// A page of the subjects that ever had a stored message, with what they keep. It disturbs nobody:
    /// the store counts a bounded part at a time, from its indexes.
    ///
    /// # Errors
    /// See [`ListingError`].
    pub async fn subjects(&self, query: &ListingQuery) -> Result<Listing, ListingError> {
        self.shared.as_owner(listing::list(&self.shared, query).await)
    }

    /// What a subject keeps above `after` ([`MessageId::NONE`]: from its first) and up to and including
    /// `up_to` (`None`: all released so far): what [`Broker::purge`] would remove.
    ///
    /// # Errors
    /// See [`CountError`].
    pub async fn count(
        &self,
        subject: Subject,
        after: MessageId,
        up_to: Option<MessageId>,
    ) -> Result<Count, CountError> {
        self.shared.as_owner(listing::count(&self.shared, subject, after, up_to).await)
    }

    /// Removes the stored messages of a subject up to and including `up_to` (`None`: all released
    /// so far). Answers the id up to which it is purged. What a subscriber was handed already, or waits
    /// for it in its subject's tail, still reaches it.
    ///
    /// # Errors
    /// See [`PurgeError`]. An id above the subject's last one is refused, as in Kafka: clamping it would
    /// make a slip of the finger a purge of all.
    pub async fn purge(
        &self,
        subject: Subject,
        up_to: Option<MessageId>,
    ) -> Result<MessageId, PurgeError> {
        match self.shared.phase() {
            Phase::Open => {}
            Phase::Closing => return Err(PurgeError::Closing),
            Phase::Standby => return Err(PurgeError::Standby),
        }
        let (reply, purged) = oneshot::channel();
        let command = Command::Purge { subject, up_to, reply };
        self.commands.send(command).await.map_err(|_| self.unpurged())?;
        match tokio::time::timeout(self.shared.limits.outcome_timeout, purged).await {
            Ok(word) => word.map_err(|_| self.unpurged())?,
            Err(_) => Err(PurgeError::OutcomeUnknown),
        }
    }

    /// What an acknowledgement of a stored message means.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.shared.storage.durability()
    }

    /// Whether the store takes writes now.
    #[must_use]
    pub fn writable(&self) -> Writable {
        self.shared.storage.writable()
    }

    /// Whether this broker is the store's owner beyond doubt; if not, it answers nothing in the owner's
    /// name.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.shared.phase() != Phase::Standby && self.shared.storage.is_owner()
    }

    /// Done, with the reason, when another broker owns the store and this one has answered all that it
    /// had accepted: what was stored or not as far as it knows, and nothing as done. From shortly before
    /// on, every call is refused with `Standby` and subscriptions have ended so; the store is being let
    /// go of. Never done for a broker that keeps its store.
    pub fn fenced(&self) -> impl Future<Output = Arc<str>> + Send + use<> {
        self.shared.fence.told()
    }

    /// The clock that decides expiry.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Subscriptions that stand.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.shared.subscribers()
    }

    /// How far the standing subscriptions are behind. Looks at each of them.
    #[must_use]
    pub fn lag(&self) -> Lag {
        self.shared.followers.lag()
    }

    /// How much of the broker's limits is in use.
    #[must_use]
    pub fn usage(&self) -> Vec<Usage> {
        let (shared, limits) = (&self.shared, &self.shared.limits);
        let waiting = self.commands.max_capacity() - self.commands.capacity();
        let appends = shared.appends.load(Ordering::Relaxed);
        vec![
            Usage::of("queued_bytes", &self.queue, limits.queued_bytes),
            Usage::new("waiting_calls", waiting, limits.waiting_calls),
            Usage::new("tail_bytes", shared.backlog.weight(), limits.tail_bytes),
            Usage::of("pages_in_flight", &shared.pages, limits.pages_in_flight),
            Usage::new("appends_in_flight", appends, limits.appends_in_flight),
            Usage::new("subscriptions", shared.subscribers(), limits.subscriptions),
            Usage::new("cached_subjects", shared.lanes.count(), limits.cached_subjects),
        ]
    }

    /// Leaves: from now on calls are refused with `Closing`; what was accepted is stored and
    /// answered; then subscriptions end with `Closing` and the store is closed. Returns when all
    /// that is done; calling it again waits for the same end.
    pub async fn close(&self) {
        self.shared.leave(Phase::Closing);
        // Wakes those who wait for room: they were not accepted.
        self.queue.close();
        // A shard that is gone has been told before.
        let _ = self.commands.send(Command::Close).await;
        // An error means that the task is gone, which is the same end.
        let _ = self.left.clone().wait_for(|left| *left).await;
    }

    fn check_open(&self) -> Result<(), PublishError> {
        match self.shared.phase() {
            Phase::Open => Ok(()),
            Phase::Closing | Phase::Standby => Err(self.gone()),
        }
    }

    /// Why the broker takes nothing more.
    fn gone(&self) -> PublishError {
        match self.shared.phase() {
            Phase::Open | Phase::Closing => PublishError::Closing,
            Phase::Standby => PublishError::Standby,
        }
    }

    fn ended(&self) -> SubscribeError {
        match self.shared.phase() {
            Phase::Open | Phase::Closing => SubscribeError::Closing,
            Phase::Standby => SubscribeError::Standby,
        }
    }

    fn unpurged(&self) -> PurgeError {
        match self.shared.phase() {
            Phase::Open | Phase::Closing => PurgeError::Closing,
            Phase::Standby => PurgeError::Standby,
        }
    }

    fn overloaded(&self, limit: &'static str) -> PublishError {
        self.shared.observer.overloaded(limit);
        PublishError::Overloaded(limit)
    }

    /// What a batch takes of the queue; one that could never have room is refused.
    fn weight(&self, batch: &[Publication]) -> Result<u32, PublishError> {
        let weight: usize = batch.iter().map(Publication::weight).sum();
        if weight > self.shared.limits.queued_bytes {
            return Err(self.overloaded("queued_bytes"));
        }
        u32::try_from(weight).map_err(|_| self.overloaded("queued_bytes"))
    }
}

/// Gives space of expired messages back, a bounded piece at a time.
async fn reclaim(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(shared.limits.reclaim_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // Who may be the owner no longer knows no time that is worth telling the store.
        while shared.storage.is_owner() {
            match shared.storage.reclaim(shared.clock.now()).await {
                Ok(reclaimed) if reclaimed.more => tokio::task::yield_now().await,
                Ok(_) => break,
                Err(error) => {
                    shared.read_failure(error);
                    break;
                }
            }
        }
    }
}
