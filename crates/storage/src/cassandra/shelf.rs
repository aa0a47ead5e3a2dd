//! Where a message lies: in which table, and in which partition of it.
//!
//! One table per class of lifetimes, so that what a table writes together expires together and whole
//! files are dropped. Within a table a partition holds the messages of a subject whose ids have the same
//! beginning: 256 light ones or 16 heavy ones, so that a partition has at most 1 MiB or 64 MiB, and a
//! query for so many rows gives at most so many bytes.

use broker_core::{Message, Timestamp};

/// Ids of a partition of light messages.
const LIGHT_IDS: u64 = 256;
/// Ids of a partition of heavy messages.
const HEAVY_IDS: u64 = 16;
/// Content of a message, in bytes, above which it is heavy.
const LIGHT_BYTES: usize = 4 * 1024;

/// What the database gives back a row is kept beyond its message's lifetime: far more than clocks differ.
const GRACE_SECONDS: i64 = 24 * 60 * 60;
/// The longest span that a row may live, in seconds: 20 years (a server's limit).
const MAX_TTL_SECONDS: i64 = 20 * 365 * 24 * 60 * 60;
/// Rows must be gone before this second since 1970 (servers count in 31 bits), with a month to spare.
const LAST_SECOND: i64 = i32::MAX as i64 - 31 * 24 * 60 * 60;

const DAY_SECONDS: i64 = 24 * 60 * 60;
const MONTH_SECONDS: i64 = 30 * DAY_SECONDS;

/// A class of lifetimes, with a table of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Up to a day.
    Day,
    /// Up to 30 days.
    Month,
    /// As long as the database can count.
    Years,
    /// For good, or longer than the database can count: rows leave only by being deleted.
    Endless,
}

impl Class {
    pub const ALL: [Self; 4] = [Self::Day, Self::Month, Self::Years, Self::Endless];

    /// The class of a message.
    pub fn of(published_at: Timestamp, expires_at: Option<Timestamp>) -> Self {
        let Some(expires_at) = expires_at else { return Self::Endless };
        let ttl = seconds_to_keep(published_at, expires_at);
        let last = expires_at.0 / 1_000_000_000 + GRACE_SECONDS;
        if ttl > MAX_TTL_SECONDS || last > LAST_SECOND {
            Self::Endless
        } else if ttl <= DAY_SECONDS + GRACE_SECONDS {
            Self::Day
        } else if ttl <= MONTH_SECONDS + GRACE_SECONDS {
            Self::Month
        } else {
            Self::Years
        }
    }

    /// The name of its table.
    pub fn table(self) -> &'static str {
        match self {
            Self::Day => "messages_day",
            Self::Month => "messages_month",
            Self::Years => "messages_years",
            Self::Endless => "messages_endless",
        }
    }

    /// For how long an entry of the index of partitions lives, in seconds; 0: for good. Longer than from
    /// one refresh to the next and the life of a row that is written just before it.
    pub fn entry_seconds(self) -> i32 {
        match self {
            Self::Day => 6 * 24 * 60 * 60,
            Self::Month => 93 * 24 * 60 * 60,
            Self::Years | Self::Endless => 0,
        }
    }

    /// After how many seconds an entry in use is written again.
    pub fn refresh_seconds(self) -> u64 {
        match self {
            Self::Day => 2 * 24 * 60 * 60,
            Self::Month => 31 * 24 * 60 * 60,
            Self::Years | Self::Endless => u64::MAX,
        }
    }

    /// Its number in the database.
    pub fn number(self) -> i8 {
        match self {
            Self::Day => 0,
            Self::Month => 1,
            Self::Years => 2,
            Self::Endless => 3,
        }
    }
}

/// The seconds for which a row is kept, at least those of the grace; counted by the database from the
/// moment it gets the row.
fn seconds_to_keep(published_at: Timestamp, expires_at: Timestamp) -> i64 {
    let lifetime = expires_at.0.saturating_sub(published_at.0).max(0);
    lifetime / 1_000_000_000 + 1 + GRACE_SECONDS
}

/// A table and the weight of what lies in a partition of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shelf {
    pub class: Class,
    pub is_heavy: bool,
}

impl Shelf {
    /// The shelf of a message.
    pub fn of(message: &Message) -> Self {
        let class = Class::of(message.published_at, message.expires_at);
        Self { class, is_heavy: content(message) > LIGHT_BYTES }
    }

    /// All of them, each at the place of its [`Shelf::number`].
    pub fn all() -> impl Iterator<Item = Self> {
        Class::ALL
            .into_iter()
            .flat_map(|class| [false, true].map(|is_heavy| Self { class, is_heavy }))
    }

    /// Its number in the database and in a set of shelves.
    pub fn number(self) -> i8 {
        self.class.number() * 2 + i8::from(self.is_heavy)
    }

    /// The shelf of that number.
    pub fn numbered(number: i64) -> Option<Self> {
        Self::all().find(|shelf| i64::from(shelf.number()) == number)
    }

    /// The partition that holds this id.
    pub fn partition(self, id: u64) -> Partition {
        let ids = if self.is_heavy { HEAVY_IDS } else { LIGHT_IDS };
        Partition { shelf: self, first: id & !(ids - 1) }
    }
}

/// A partition of one subject's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    pub shelf: Shelf,
    /// The lowest id that may lie in it.
    pub first: u64,
}

impl Partition {
    /// Its number in the database: the first id; the lowest bit tells heavy from light.
    pub fn bucket(self) -> i64 {
        signed(self.first) | i64::from(self.shelf.is_heavy)
    }

    /// The partition of that number and class.
    pub fn read(bucket: i64, class: i8) -> Option<Self> {
        let shelf = Shelf::numbered(i64::from(class) * 2 + (bucket & 1))?;
        Some(Self { shelf, first: u64::try_from(bucket & !1).ok()? })
    }

    /// The number of its class in the database.
    pub fn class(self) -> i8 {
        self.shelf.class.number()
    }

    /// The highest id that may lie in it.
    pub fn last(self) -> u64 {
        let ids = if self.shelf.is_heavy { HEAVY_IDS } else { LIGHT_IDS };
        self.first.saturating_add(ids - 1)
    }

    /// The lowest number of a partition that may hold an id from this one on.
    pub fn lowest_bucket(id: u64) -> i64 {
        signed(id & !(LIGHT_IDS - 1))
    }
}

/// Bytes of a message's headers and body.
pub fn content(message: &Message) -> usize {
    message.headers.as_bytes().len() + message.body.len()
}

/// The seconds that the database keeps a message's row; 0: for good.
pub fn ttl(message: &Message) -> i32 {
    match (Class::of(message.published_at, message.expires_at), message.expires_at) {
        (Class::Endless, _) | (_, None) => 0,
        (_, Some(expires_at)) => {
            i32::try_from(seconds_to_keep(message.published_at, expires_at)).unwrap_or(i32::MAX)
        }
    }
}

/// An id as the database keeps it. Stored ids are below 2^63; what is above stands for "all".
pub fn signed(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000_000;

    fn class(published_at: i64, lifetime: i64) -> Class {
        Class::of(Timestamp(published_at), Some(Timestamp(published_at.saturating_add(lifetime))))
    }

    #[test]
    fn lifetimes_have_classes() {
        let now = 1_790_000_000 * SECOND;
        assert_eq!(class(now, 1), Class::Day);
        assert_eq!(class(now, DAY_SECONDS * SECOND - 1), Class::Day);
        assert_eq!(class(now, DAY_SECONDS * SECOND), Class::Month);
        assert_eq!(class(now, 31 * DAY_SECONDS * SECOND), Class::Years);
        assert_eq!(class(now, 10 * 365 * DAY_SECONDS * SECOND), Class::Years);
        assert_eq!(class(now, 12 * 365 * DAY_SECONDS * SECOND), Class::Endless, "after 2038");
        assert_eq!(class(0, 21 * 365 * DAY_SECONDS * SECOND), Class::Endless, "20 years");
        assert_eq!(class(i64::MAX - 1, 1), Class::Endless);
        assert_eq!(Class::of(Timestamp(now), None), Class::Endless);
    }

    #[test]
    fn shelves_and_partitions_are_found_by_their_numbers() {
        for (number, shelf) in (0..).zip(Shelf::all()) {
            assert_eq!(shelf.number(), number);
            for id in [1, 15, 16, 255, 256, 1 << 40, i64::MAX as u64] {
                let partition = shelf.partition(id);
                assert!(partition.first <= id && id <= partition.last());
                assert!(partition.bucket() >= Partition::lowest_bucket(id));
                let read = Partition::read(partition.bucket(), partition.class());
                assert_eq!(read, Some(partition));
            }
        }
        assert_eq!(Partition::read(0, 9), None);
    }

    proptest! {
        #[test]
        fn a_row_outlives_its_message(published_at: i64, lifetime in 0..i64::MAX) {
            let (at, end) = (Timestamp(published_at), Timestamp(published_at.saturating_add(lifetime)));
            let seconds = seconds_to_keep(at, end);
            prop_assert!(seconds >= GRACE_SECONDS);
            let class = Class::of(at, Some(end));
            if class != Class::Endless {
                prop_assert!(seconds <= MAX_TTL_SECONDS);
                let refresh = i64::try_from(class.refresh_seconds()).unwrap_or(i64::MAX);
                prop_assert!(
                    class.entry_seconds() == 0
                        || refresh + seconds < i64::from(class.entry_seconds())
                );
            }
        }
    }
}
