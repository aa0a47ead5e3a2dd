//! What an error of the driver means for what was asked.

use crate::{database::Word, ownership::RowError};
use broker_core::{AppendError, ReadError};
use scylla::errors::{DbError, ExecutionError, PrepareError, RequestAttemptError};

/// Why a statement failed, by what is known of its effect. The text is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It did nothing: it never left, or the database turned it away before it began.
    #[error("{0}")]
    NotDone(String),
    /// It may have been done, or may still be.
    #[error("{0}")]
    Unknown(String),
    /// The database will not do it, however often it is asked.
    #[error("{0}")]
    Refused(String),
    /// Another broker owns the store.
    #[error("another broker owns the store")]
    Fenced,
}

impl Failure {
    /// The word on the messages of a write that failed.
    pub fn word(self) -> Word {
        match self {
            Self::NotDone(why) => Word::Unavailable(why.into()),
            Self::Unknown(why) => Word::Unknown(why.into()),
            Self::Refused(why) => Word::Refused(why),
            Self::Fenced => Word::Fenced,
        }
    }

    /// The word on something that only this was to prepare: it was not begun.
    pub fn before(self) -> Self {
        match self {
            Self::Unknown(why) | Self::Refused(why) => Self::NotDone(why),
            Self::NotDone(_) | Self::Fenced => self,
        }
    }

    /// The word on what was done before this was found.
    pub fn after(self) -> Self {
        match self {
            Self::Fenced => Self::Unknown(self.to_string()),
            other => other,
        }
    }

    /// The word on a purge or a time that was to be kept.
    pub fn append_error(self) -> AppendError {
        match self {
            Self::NotDone(why) => AppendError::Unavailable(why),
            // Something else than what was asked for is wrong: asking again does not harm.
            Self::Unknown(why) | Self::Refused(why) => AppendError::Unknown(why),
            Self::Fenced => AppendError::Fenced,
        }
    }

    /// The word on a read.
    pub fn read_error(self) -> ReadError {
        match self {
            Self::NotDone(why) | Self::Unknown(why) => ReadError::Unavailable(why),
            Self::Refused(why) => ReadError::Failed(why),
            Self::Fenced => ReadError::Fenced,
        }
    }

    /// The word on a call of the owner's row.
    pub fn row_error(self) -> RowError {
        match self {
            Self::Refused(why) => RowError::Failed(why),
            other => RowError::Away(other.to_string()),
        }
    }
}

impl From<ExecutionError> for Failure {
    fn from(error: ExecutionError) -> Self {
        let why = error.to_string();
        match error {
            ExecutionError::BadQuery(_) => Self::Refused(why),
            ExecutionError::LastAttemptError(error) => attempt(&error, why),
            ExecutionError::EmptyPlan
            | ExecutionError::PrepareError(_)
            | ExecutionError::ConnectionPoolError(_) => Self::NotDone(why),
            _ => Self::Unknown(why),
        }
    }
}

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        let why = error.to_string();
        match error {
            PrepareError::AllAttemptsFailed { first_attempt } => attempt(&first_attempt, why),
            _ => Self::NotDone(why),
        }
    }
}

fn attempt(error: &RequestAttemptError, why: String) -> Failure {
    match error {
        RequestAttemptError::DbError(error, _) => answered(error, why),
        RequestAttemptError::SerializationError(_)
        | RequestAttemptError::CqlRequestSerialization(_) => Failure::Refused(why),
        RequestAttemptError::UnableToAllocStreamId => Failure::NotDone(why),
        _ => Failure::Unknown(why),
    }
}

/// The database's own word. A coordinator says "unavailable" when it knows, before it sends a write to
/// any replica, that too few of them live; a request that is invalid or not allowed is turned away before
/// it is begun; all else may have reached a replica.
fn answered(error: &DbError, why: String) -> Failure {
    match error {
        DbError::SyntaxError | DbError::Invalid | DbError::ConfigError => Failure::Refused(why),
        DbError::Unavailable { .. }
        | DbError::IsBootstrapping
        | DbError::Unauthorized
        | DbError::AuthenticationError => Failure::NotDone(why),
        DbError::RateLimitReached { rejected_by_coordinator: true, .. } => Failure::NotDone(why),
        _ => Failure::Unknown(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::whole;
    use broker_core::Appended;
    use scylla::errors::WriteType;
    use scylla::statement::Consistency;

    fn word(error: DbError) -> Appended {
        let error = RequestAttemptError::DbError(error, String::new());
        let failure = Failure::from(ExecutionError::LastAttemptError(error));
        let words = whole(vec![Word::Stored, failure.word()]).unwrap();
        match words[1] {
            Appended::Unavailable(_) => Appended::Unavailable(String::new()),
            Appended::Unknown(_) => Appended::Unknown(String::new()),
            Appended::Refused(_) => Appended::Refused(String::new()),
            Appended::Stored => Appended::Stored,
        }
    }

    #[test]
    fn a_timeout_is_unknown_and_too_few_replicas_wrote_nothing() {
        let consistency = Consistency::LocalQuorum;
        let (received, required, write_type) = (1, 2, WriteType::UnloggedBatch);
        let timeout = DbError::WriteTimeout { consistency, received, required, write_type };
        assert_eq!(word(timeout), Appended::Unknown(String::new()));
        let unavailable = DbError::Unavailable { consistency, required: 2, alive: 1 };
        assert_eq!(word(unavailable), Appended::Unavailable(String::new()));
        for unknown in [DbError::Overloaded, DbError::ServerError, DbError::TruncateError] {
            assert_eq!(word(unknown), Appended::Unknown(String::new()));
        }
        assert_eq!(word(DbError::Invalid), Appended::Refused(String::new()));
    }

    #[test]
    fn what_never_left_is_not_done() {
        let empty = Failure::from(ExecutionError::EmptyPlan);
        assert!(matches!(empty, Failure::NotDone(_)));
        let full = ExecutionError::LastAttemptError(RequestAttemptError::UnableToAllocStreamId);
        assert!(matches!(Failure::from(full), Failure::NotDone(_)));
    }
}
