//! The calls of a store, by name.

use std::fmt;

/// One of the calls of `broker_core::Storage` that take a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Keeping messages.
    Append,
    /// One message by its id.
    Fetch,
    /// A page of a subject.
    ReadAfter,
    /// A subject's last id.
    LastId,
    /// A listing of subjects.
    Subjects,
    /// Counting what subjects keep.
    Tally,
    /// Removing a subject's messages.
    Purge,
    /// Giving back space of what has expired.
    Reclaim,
    /// Keeping a time with the data.
    KeepTime,
    /// Closing.
    Close,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 10] = [
        Self::Append,
        Self::Fetch,
        Self::ReadAfter,
        Self::LastId,
        Self::Subjects,
        Self::Tally,
        Self::Purge,
        Self::Reclaim,
        Self::KeepTime,
        Self::Close,
    ];

    /// Its name, as in the trait.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Fetch => "fetch",
            Self::ReadAfter => "read_after",
            Self::LastId => "last_id",
            Self::Subjects => "subjects",
            Self::Tally => "tally",
            Self::Purge => "purge",
            Self::Reclaim => "reclaim",
            Self::KeepTime => "keep_time",
            Self::Close => "close",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
