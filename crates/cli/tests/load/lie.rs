//! What a server may do to messages without a word.

/// One way to lie. What befalls some messages befalls every seventh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// None: the truth.
    None,
    /// Some are acknowledged and not stored.
    Forget,
    /// Some are refused, and stored all the same.
    RefuseAndStore,
    /// Some are stored under two ids.
    StoreTwice,
    /// Some are acknowledged without an id.
    NoId,
    /// Some are acknowledged with the id of the one before.
    SameId,
    /// Some are acknowledged as if they were not kept.
    NotDurable,
    /// What is to be delivered only is acknowledged with an id.
    KeepLive,
    /// Some are not sent to subscribers.
    Drop,
    /// Some are sent to subscribers twice.
    Repeat,
    /// Some are sent to subscribers after the next.
    Swap,
    /// A subscription ends with the first that it befalls, as if all were well.
    End,
    /// No lie: every other subscription is refused, as by a limit.
    Limit,
    /// The last byte of some is another when they are read.
    Garble,
    /// Some have another subject when they are read.
    Misname,
    /// A message that never was is fetched, empty.
    Invent,
}

impl Lie {
    /// Whether it befalls this one.
    pub fn befalls(self, id: u64) -> bool {
        id % 7 == 3
    }

    /// Whether this is it, and befalls this one.
    pub fn is(self, lie: Self, id: u64) -> bool {
        self == lie && self.befalls(id)
    }
}
