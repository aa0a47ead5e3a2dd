//! The reason a refusal carries, for programs.

use crate::ErrorKind;
use broker_proto::ERROR_DOMAIN;
use std::time::Duration;
use tonic::Status;
use tonic_types::{ErrorInfo, RpcStatusExt, StatusExt};

/// What is read of the details of a status.
#[derive(Debug, Default)]
pub struct Details {
    info: Option<ErrorInfo>,
    /// The pause the broker asks for before a retry.
    pub retry_after: Option<Duration>,
}

impl Details {
    pub fn of_status(status: &Status) -> Self {
        Self::new(status.get_details_error_info(), status.get_details_retry_info())
    }

    pub fn of_result(status: &tonic_types::Status) -> Self {
        Self::new(status.get_details_error_info(), status.get_details_retry_info())
    }

    fn new(info: Option<ErrorInfo>, retry: Option<tonic_types::RetryInfo>) -> Self {
        Self {
            // Only reasons of this domain are the broker's own.
            info: info.filter(|info| info.domain == ERROR_DOMAIN),
            retry_after: retry.and_then(|retry| retry.retry_delay),
        }
    }

    /// What the reason means; none when the broker gave no reason, or one that is newer than this
    /// client, whose status code says enough.
    pub fn kind(&self) -> Option<ErrorKind> {
        let info = self.info.as_ref()?;
        Some(match info.reason.as_str() {
            "BROKER_CLOSING" => ErrorKind::Closing,
            "STANDBY" => ErrorKind::Standby,
            "STORAGE_UNAVAILABLE" => ErrorKind::StorageUnavailable,
            "OVERLOADED" => ErrorKind::Overloaded,
            "OUTCOME_UNKNOWN" => ErrorKind::OutcomeUnknown,
            "MESSAGE_EXPIRED" => ErrorKind::Expired,
            "MESSAGE_NOT_FOUND" => ErrorKind::NotFound,
            "INVALID_SUBJECT" => ErrorKind::InvalidSubject,
            "INVALID_EXPIRATION" => ErrorKind::InvalidExpiration,
            "INVALID_HEADER" => ErrorKind::InvalidHeader,
            "MESSAGE_TOO_LARGE" => ErrorKind::MessageTooLarge,
            "RESUME_AHEAD" => ErrorKind::ResumeAhead,
            "MESSAGE_DAMAGED" => {
                ErrorKind::Damaged { id: info.metadata.get("id").and_then(|id| id.parse().ok()) }
            }
            "INTERNAL" => ErrorKind::Internal,
            _ => return None,
        })
    }
}
