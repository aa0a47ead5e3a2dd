//! The number of a message within its subject.

use std::fmt;

/// A message's number within its subject: from 1, only growing, never used twice.
///
/// [`MessageId::NONE`] (0) stands for "no id": what a delivered-only message has, and "before the
/// first" where a position is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MessageId(pub u64);

impl MessageId {
    /// No id; before the first.
    pub const NONE: Self = Self(0);

    /// The id after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Whether this is [`MessageId::NONE`].
    #[must_use]
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
