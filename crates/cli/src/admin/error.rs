//! Why a call of the admin port was not done.

use crate::{exit, visible};

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// No such address can be.
    #[error("the admin address \"{0}\" must be http://HOST:PORT")]
    Address(String),
    /// Nobody listens there.
    #[error("no admin port at {address}: {why}")]
    Unreachable { address: String, why: String },
    /// The answer did not come, or not whole.
    #[error("the answer of {address} was lost: {why}")]
    Lost { address: String, why: String },
    /// Something else answers there.
    #[error("what answers at {address} is no admin port of a broker (HTTP status {status})")]
    Foreign { address: String, status: u16 },
    /// The broker cannot do it now and has changed nothing.
    #[error("{0}")]
    NotNow(String),
    /// There is no such subject.
    #[error("{0}")]
    NotFound(String),
    /// Nobody knows whether it was done.
    #[error("{0}")]
    OutcomeUnknown(String),
    /// The broker refuses it.
    #[error("{0}")]
    Refused(String),
}

impl AdminError {
    /// What a broker said.
    pub fn refused(reason: &str, message: &str) -> Self {
        let message = visible::text(message);
        match reason {
            "STARTING"
            | "BROKER_CLOSING"
            | "STANDBY"
            | "STORAGE_UNAVAILABLE"
            | "OVERLOADED"
            | "PROFILE_RUNNING" => Self::NotNow(message),
            "SUBJECT_NOT_FOUND" => Self::NotFound(message),
            "OUTCOME_UNKNOWN" => Self::OutcomeUnknown(message),
            _ => Self::Refused(message),
        }
    }

    /// The same of a call that changes something: whether it was done before the answer was lost is not
    /// known.
    pub fn of_change(self) -> Self {
        match self {
            lost @ Self::Lost { .. } => Self::OutcomeUnknown(lost.to_string()),
            other => other,
        }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Address(_) => exit::USAGE,
            Self::Unreachable { .. } | Self::Lost { .. } | Self::NotNow(_) => exit::UNAVAILABLE,
            Self::NotFound(_) => exit::GONE,
            Self::OutcomeUnknown(_) => exit::OUTCOME_UNKNOWN,
            Self::Foreign { .. } | Self::Refused(_) => exit::FAILED,
        }
    }

    /// What to do about it, where that is not in the error itself.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { .. } => {
                Some("start a broker with `broker serve`, or name another with --admin")
            }
            Self::Foreign { .. } => Some("name the admin port with --admin"),
            Self::Lost { .. } => Some("try again"),
            Self::OutcomeUnknown(_) => Some("doing it again does no harm"),
            Self::Address(_) | Self::NotNow(_) | Self::NotFound(_) | Self::Refused(_) => None,
        }
    }
}
