//! Why a subject has no seat, as each of those who wanted one hears it.

use crate::{PublishError, PurgeError, ReadFailure, SubscribeError};

/// The name of the limit on subjects in use.
pub const CACHED_SUBJECTS: &str = "cached_subjects";

/// Why a subject cannot be taken into use.
pub enum Unseated {
    Full,
    Unread(ReadFailure),
}

impl From<Unseated> for PublishError {
    fn from(unseated: Unseated) -> Self {
        match unseated {
            Unseated::Full => Self::Overloaded(CACHED_SUBJECTS),
            Unseated::Unread(ReadFailure::Standby) => Self::Standby,
            // Nothing was handed to the store.
            Unseated::Unread(_) => Self::StorageUnavailable,
        }
    }
}

impl From<Unseated> for SubscribeError {
    fn from(unseated: Unseated) -> Self {
        match unseated {
            Unseated::Full => Self::Overloaded(CACHED_SUBJECTS),
            Unseated::Unread(ReadFailure::Standby) => Self::Standby,
            Unseated::Unread(failure) => failure.into(),
        }
    }
}

impl From<Unseated> for PurgeError {
    fn from(unseated: Unseated) -> Self {
        match unseated {
            Unseated::Full => Self::Overloaded(CACHED_SUBJECTS),
            Unseated::Unread(ReadFailure::Standby) => Self::Standby,
            Unseated::Unread(failure) => failure.into(),
        }
    }
}
