//! The contract of a store. Its words are the specification; `broker-storage`'s conformance suite
//! is the same in code.

use crate::{Durability, Message, MessageId, Subject, Timestamp};
use std::{fmt, future::Future, ops::Bound, pin::Pin, sync::Arc};

/// What a store's call gives: work that is already under way. Dropping it loses the answer and
/// stops nothing.
pub type StorageFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// Where messages rest.
///
/// The core numbers messages and decides what a reader may see; a store keeps what it is given.
/// One process at a time writes a store. All methods may be called at once from many tasks.
///
/// # What every store keeps
/// - **Ids.** The last id of a subject never falls, whatever expires, is purged, reclaimed or
///   restarted. A store that dies with the process (memory) starts empty.
/// - **Absence.** A message that is absent although its id is not above its subject's last id has
///   expired, was purged, or its append did not happen. No tombstones are needed.
/// - **Time.** A store never looks at a clock. It keeps `expires_at` to the nanosecond, gives back
///   messages that are past it as long as it has them, and only [`Storage::reclaim`] tells it a time.
/// - **Damage.** What cannot be read as it was written is reported as [`Stored::Damaged`] or
///   [`ReadError::Damaged`], never skipped in silence, and never keeps other messages from being read.
pub trait Storage: Send + Sync + 'static {
    /// Keeps messages. Each has an id above 0; within a batch the ids of a subject ascend.
    ///
    /// Starts at the call, in the order of calls, without waiting to be polled; calls may overlap
    /// and end in any order. `Ok` has one answer per message, in the order given; each `Stored` one
    /// is as safe as [`Storage::durability`] says and visible to reads from then on (it may be
    /// visible before). Refusing one message never harms another.
    ///
    /// Keeping a message whose subject and id are kept already changes nothing and is `Stored`: so
    /// an append of unknown outcome may be repeated. Ids may come in any order over several calls
    /// (an earlier append may be repeated after a later one was stored).
    ///
    /// # Errors
    /// See [`AppendError`]; each speaks of the whole batch.
    fn append(&self, batch: Vec<Arc<Message>>)
    -> StorageFuture<Result<Vec<Appended>, AppendError>>;

    /// The message of that subject and id, if it is there (expired or not).
    ///
    /// # Errors
    /// See [`ReadError`].
    fn fetch(
        &self,
        subject: &Subject,
        id: MessageId,
    ) -> StorageFuture<Result<Option<Arc<Message>>, ReadError>>;

    /// Messages of a subject with ids above `after`, ascending, until their weight
    /// ([`Message::weight`]) fills `limit` bytes; at least one if there is any, so one may be larger
    /// than `limit`.
    ///
    /// # Errors
    /// See [`ReadError`]; damage is told inside the page.
    fn read_after(
        &self,
        subject: &Subject,
        after: MessageId,
        limit: usize,
    ) -> StorageFuture<Result<Page, ReadError>>;

    /// The highest id ever kept for that subject, [`MessageId::NONE`] if it never had one.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn last_id(&self, subject: &Subject) -> StorageFuture<Result<MessageId, ReadError>>;

    /// Subjects that ever had a stored message, ascending by bytes, beginning at or behind a name
    /// (`Unbounded`: with the first), at most `limit`; fewer only when there are no more.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn subjects(
        &self,
        from: Bound<&Subject>,
        limit: usize,
    ) -> StorageFuture<Result<Vec<SubjectSummary>, ReadError>>;

    /// Counts what is kept in each of these ranges and has not expired at `now`: what [`Storage::read_after`]
    /// would give, without what is expired. What is reclaimed and what is not count alike.
    ///
    /// A call does a bounded amount of work, reads no bodies and never holds up appends. It answers
    /// for the first ranges in their order, as many as its bound lets it, and at least for a part of
    /// the first one: the last answer may speak of a part only and says in [`Tally::next`] where to
    /// go on. A damaged message counts as long as the store knows its place.
    ///
    /// (With tables this is one query: for each range the count, the sum and the least expiry of at
    /// most so many rows of an index on subject, id, expiry and size.)
    ///
    /// # Errors
    /// See [`ReadError`].
    fn tally(
        &self,
        ranges: Vec<IdRange>,
        now: Timestamp,
    ) -> StorageFuture<Result<Vec<Tally>, ReadError>>;

    /// Removes every message of a subject with an id up to and including `up_to`. When it answers,
    /// no read shows them, now or after a restart. The last id stays.
    ///
    /// # Errors
    /// See [`AppendError`]; after `Unknown` the call may be repeated.
    fn purge(&self, subject: &Subject, up_to: MessageId) -> StorageFuture<Result<(), AppendError>>;

    /// Gives back space of messages whose `expires_at` is not after `now`. A call does a bounded
    /// amount of work and never holds up appends; `more` says that calling again at once would give
    /// back more (what is worth giving back only together may wait for a later call without it). With
    /// nothing to give back it writes and syncs nothing: it is called every second.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn reclaim(&self, now: Timestamp) -> StorageFuture<Result<Reclaimed, ReadError>>;

    /// Keeps `now` with the data, as safe as an append: after it answers, no later start of this
    /// store reports an earlier [`Storage::kept_time`]. An earlier time than the kept one changes nothing.
    ///
    /// # Errors
    /// See [`AppendError`].
    fn keep_time(&self, now: Timestamp) -> StorageFuture<Result<(), AppendError>>;

    /// The latest time that is kept with the data: the highest `published_at` of what was stored,
    /// or a later one from [`Storage::keep_time`]; [`Timestamp::MIN`] for an
    /// empty store. Known from the moment the store is open; cheap. A store may keep real time up to
    /// 100 ms ahead of need, if it is only open once that time is there.
    fn kept_time(&self) -> Timestamp;

    /// What an acknowledgement of this store means.
    fn durability(&self) -> Durability;

    /// Whether appends can succeed now; cheap, for health reports.
    fn writable(&self) -> Writable;

    /// Whether this process is the store's owner beyond doubt at this moment, by its own clock; cheap:
    /// it is asked before anything is answered in the owner's name. A store that nobody can take over
    /// says yes. `false` may be for a moment (a process that was paused asks whether it was replaced)
    /// or for good (see [`Storage::fenced`]). While the database itself cannot be reached it may stay
    /// `true`: then nothing can be stored and nobody can take over, and what needs no store goes on.
    fn is_owner(&self) -> bool;

    /// Done, with the reason, once another process owns the store: this one may act for it never again.
    /// A store that nobody can take over: never.
    fn fenced(&self) -> StorageFuture<String>;

    /// Ends what the store has under way, in order, and lets go of what it holds. Later appends
    /// answer `Unavailable`. Called once, after the last append was answered, or after [`Storage::fenced`]
    /// is done, while some may be under way.
    ///
    /// # Errors
    /// When the store could not be left in its clean form; what was acknowledged is safe all the same.
    fn close(&self) -> StorageFuture<Result<(), ReadError>>;
}

/// The store's word on one message of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// It is kept.
    Stored,
    /// It is not kept and never will be; why, for the log.
    Refused(String),
    /// It is not kept: its part of the store cannot be reached (as [`AppendError::Unavailable`], for
    /// this message alone).
    Unavailable(String),
    /// Kept or not, the store does not know yet. Repeat it until it is known (as
    /// [`AppendError::Unknown`], for this message alone: the others of its batch do not wait for it).
    Unknown(String),
}

/// The store's word on a whole append.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Nothing was written: a bound was reached (its name).
    #[error("store is full: {0}")]
    Full(&'static str),
    /// Nothing was written: the store cannot be reached or takes no more writes.
    #[error("store is unavailable: {0}")]
    Unavailable(String),
    /// Written or not, the store does not know yet. Repeat the same call until it is known.
    #[error("outcome is unknown: {0}")]
    Unknown(String),
    /// Written or not, and this store will not learn it while the process lives; no read shows any
    /// of it until a restart. Do not repeat.
    #[error("outcome is unknown for good: {0}")]
    Lost(String),
    /// Nothing was written: another broker owns the store now.
    #[error("another broker owns the store")]
    Fenced,
}

/// Why a read gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The store cannot be reached; what it said is for the log.
    #[error("store is unavailable: {0}")]
    Unavailable(String),
    /// The message is there, but its bytes are not what was written.
    #[error("message {0} is damaged")]
    Damaged(MessageId),
    /// The store failed in a way that trying again does not mend; for the log.
    #[error("store failed: {0}")]
    Failed(String),
    /// Another broker owns the store now.
    #[error("another broker owns the store")]
    Fenced,
}

/// One place in a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// The message.
    Message(Arc<Message>),
    /// It is there, but its bytes are not what was written.
    Damaged(MessageId),
}

impl Stored {
    /// The id of this place.
    #[must_use]
    pub fn id(&self) -> MessageId {
        match self {
            Self::Message(message) => message.id,
            Self::Damaged(id) => *id,
        }
    }
}

/// Part of a subject's messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Ascending by id.
    pub messages: Vec<Stored>,
    /// Where to read on: every kept message up to and including this id was in this page or an
    /// earlier one. `None`: there was nothing more when the page was read. A page may be empty and
    /// still have `next`, when much of what was passed is gone.
    pub next: Option<MessageId>,
}

/// What is known of a subject, for listings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectSummary {
    /// The subject.
    pub subject: Subject,
    /// Its last id.
    pub last_id: MessageId,
}

/// Some ids of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdRange {
    /// The subject.
    pub subject: Subject,
    /// Ids above this one,
    pub after: MessageId,
    /// up to and including this one.
    pub up_to: MessageId,
}

/// What is kept in a range of ids, or in the first part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Messages.
    pub messages: u64,
    /// Bytes of their bodies and of their headers as [`crate::Headers`] writes them.
    pub bytes: u64,
    /// When the first of them expires; `None`: none of them ever does.
    pub next_expiry: Option<Timestamp>,
    /// Where to go on: what is up to and including this id is counted. `None`: the whole range is.
    pub next: Option<MessageId>,
}

impl Tally {
    /// Counts one message that has not expired.
    pub fn count(&mut self, bytes: u64, expires_at: Option<Timestamp>) {
        self.add(&Self { messages: 1, bytes, next_expiry: expires_at, next: None });
    }

    /// Adds the count of the part of the same range that comes next.
    pub fn add(&mut self, part: &Self) {
        self.messages += part.messages;
        self.bytes += part.bytes;
        self.next_expiry = match (self.next_expiry, part.next_expiry) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.next = part.next;
    }
}

/// What a call of [`Storage::reclaim`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reclaimed {
    /// Messages that are gone.
    pub messages: u64,
    /// Bytes given back to memory, disk or database.
    pub bytes: u64,
    /// Calling again at once would give back more.
    pub more: bool,
}

/// Whether a store takes writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writable {
    /// It does.
    Yes,
    /// It is full for now (the bound's name) and will take writes again when there is room.
    Full(&'static str),
    /// It cannot be reached for now.
    Unavailable(String),
    /// It is closed to writing until a restart; why.
    Closed(String),
}

impl fmt::Display for Writable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yes => f.write_str("takes writes"),
            Self::Full(bound) => write!(f, "full: {bound}"),
            Self::Unavailable(why) => write!(f, "unavailable: {why}"),
            Self::Closed(why) => write!(f, "closed to writing: {why}"),
        }
    }
}
