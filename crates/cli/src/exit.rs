//! How the process ends: one sentence if it failed, and an exit code.

use crate::{admin::AdminError, output, settings::Wrong};
use broker_client::{Error, ErrorKind, Retry};
use std::{io, process::ExitCode};

pub const DONE: u8 = 0;
pub const FAILED: u8 = 1;
pub const USAGE: u8 = 2;
pub const UNAVAILABLE: u8 = 3;
pub const GONE: u8 = 4;
pub const OUTCOME_UNKNOWN: u8 = 5;
pub const INTERRUPTED: u8 = 130;

/// Says what failed and answers the process's exit code.
pub fn report(result: anyhow::Result<ExitCode>) -> ExitCode {
    let error = match result {
        Ok(code) => return code,
        Err(error) => error,
    };
    if is_closed_pipe(&error) {
        // Who read the output has enough of it.
        return ExitCode::SUCCESS;
    }
    if let Some(wrong) = error.downcast_ref::<Wrong>() {
        wrong.told().for_each(|sentence| output::problem(&sentence));
        return ExitCode::from(USAGE);
    }
    let (code, sentence) = told(&error);
    output::problem(&sentence);
    ExitCode::from(code)
}

/// The exit code of a failure, and the sentence that tells of it.
pub fn told(error: &anyhow::Error) -> (u8, String) {
    match judge(error) {
        (code, Some(advice)) => (code, format!("{error:#}; {advice}")),
        (code, None) => (code, format!("{error:#}")),
    }
}

/// The exit code, and what to do about it.
fn judge(error: &anyhow::Error) -> (u8, Option<&'static str>) {
    let mut causes = error.chain();
    let of_cause = |cause: &(dyn std::error::Error + 'static)| {
        let of_client = cause.downcast_ref::<Error>().map(|it| (code(it), advice(it.kind())));
        of_client.or_else(|| cause.downcast_ref::<AdminError>().map(|it| (it.code(), it.advice())))
    };
    causes.find_map(of_cause).unwrap_or((FAILED, None))
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// The exit code of a failed call.
pub fn code(error: &Error) -> u8 {
    match (error.kind(), error.retry()) {
        (_, Retry::OutcomeUnknown) => OUTCOME_UNKNOWN,
        (_, Retry::Safe { .. }) => UNAVAILABLE,
        (ErrorKind::Expired | ErrorKind::NotFound, _) => GONE,
        (ErrorKind::InvalidAddress, _) => USAGE,
        (_, Retry::Useless) => FAILED,
    }
}

/// What to do about it, where that is not in the error itself.
fn advice(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::Unreachable => {
            "start a broker with `broker serve`, or name another with --server"
        }
        ErrorKind::Closing | ErrorKind::Standby | ErrorKind::Interrupted => {
            "try again when the broker is back"
        }
        ErrorKind::StorageUnavailable | ErrorKind::Internal => "the broker's log says why",
        ErrorKind::Overloaded => "try again later",
        ErrorKind::OutcomeUnknown | ErrorKind::DeadlinePassed => {
            "subscribe or fetch to see whether the message is there before sending it again"
        }
        ErrorKind::ResumeAhead => {
            "the broker's store is another one than the id is from; leave --after out"
        }
        ErrorKind::Damaged { .. } => "subscribing with --after and that id goes on behind it",
        _ => return None,
    })
}
