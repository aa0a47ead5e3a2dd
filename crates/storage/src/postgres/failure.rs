//! What it means that a statement failed.

use crate::database::with_causes;
use broker_core::{AppendError, ReadError};
use std::fmt;
use tokio_postgres::error::{Severity, SqlState};

/// Why a statement gave no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What is to be done about it.
    pub kind: Kind,
    /// For the log.
    pub text: String,
}

/// Kinds of failure, by what is to be done about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing was done: a row of the statement is one that the database does not take.
    Row,
    /// Nothing was done: a row is there already.
    There,
    /// Nothing was done: there is no room.
    Full,
    /// Nothing was done: a table is not there (any more).
    NoTable,
    /// Nothing was done: somebody else was in the way; the same may work at once.
    Busy,
    /// Nothing was done: the database cannot do it now.
    Unavailable,
    /// Nothing was done: it will not work until somebody changes something.
    Setup,
    /// Done or not: nobody said.
    Unknown,
}

/// A sentence for whoever put a pooler between broker and database.
pub const POOLER: &str = "a pooler between the broker and PostgreSQL gives each transaction another \
    session; set it to session pooling (pool_mode = session), or connect to PostgreSQL itself";

impl Failure {
    /// Nothing was sent: the database is not there.
    pub fn away(text: impl Into<String>) -> Self {
        Self { kind: Kind::Unavailable, text: text.into() }
    }

    /// Trying again does not mend it.
    pub fn setup(text: impl Into<String>) -> Self {
        Self { kind: Kind::Setup, text: text.into() }
    }

    /// No answer came in time.
    pub fn late() -> Self {
        Self { kind: Kind::Unknown, text: "PostgreSQL did not answer in time".into() }
    }

    /// What a statement that was sent ended with.
    pub fn of(error: &tokio_postgres::Error) -> Self {
        let Some(database) = error.as_db_error() else {
            return Self { kind: Kind::Unknown, text: with_causes(error) };
        };
        let code = database.code();
        // What ends the session may have come after the commit: while it waited for a standby.
        let is_fatal =
            matches!(database.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
                || code.code().starts_with("57P0");
        let kind = if is_fatal { Kind::Unknown } else { kind(code) };
        let text = match kind {
            Kind::Setup if is_of_pooler(code) => POOLER.to_owned(),
            _ => format!("PostgreSQL: {} ({})", database.message(), code.code()),
        };
        Self { kind, text }
    }

    /// The same, for a statement that changes nothing or has not been sent whole.
    pub fn harmless(error: &tokio_postgres::Error) -> Self {
        let failure = Self::of(error);
        match failure.kind {
            Kind::Unknown => Self { kind: Kind::Unavailable, ..failure },
            _ => failure,
        }
    }

    /// Whether the session may be used for the next statement.
    pub fn ends_session(&self) -> bool {
        matches!(self.kind, Kind::Unknown | Kind::Unavailable | Kind::Setup | Kind::NoTable)
    }

    /// What a reader hears.
    pub fn read(self) -> ReadError {
        match self.kind {
            Kind::Row | Kind::There => ReadError::Failed(self.text),
            _ => ReadError::Unavailable(self.text),
        }
    }

    /// What hears whoever wanted to change something.
    pub fn append(self) -> AppendError {
        match self.kind {
            Kind::Unknown => AppendError::Unknown(self.text),
            Kind::Full => AppendError::Full(DISK),
            _ => AppendError::Unavailable(self.text),
        }
    }
}

/// The name of the bound that is reached when the database has no room.
pub const DISK: &str = "database disk";

fn is_of_pooler(code: &SqlState) -> bool {
    *code == SqlState::INVALID_SQL_STATEMENT_NAME || *code == SqlState::DUPLICATE_PSTATEMENT
}

/// What an error that the server reports for a statement means: nothing of the statement was done.
fn kind(code: &SqlState) -> Kind {
    let text = code.code();
    match text {
        "23505" => Kind::There,
        "53100" => Kind::Full,
        "42P01" => Kind::NoTable,
        // Deadlock, serialization, lock_timeout, a statement whose plan became invalid.
        "40P01" | "40001" | "55P03" | "0A000" => Kind::Busy,
        "26000" | "42P05" => Kind::Setup,
        _ => match &text[..2] {
            // Data, constraints, program limits, what a trigger or a check says.
            "22" | "23" | "54" | "P0" | "44" | "09" => Kind::Row,
            "42" => Kind::Setup,
            _ => Kind::Unavailable,
        },
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_row_can_cause_refuses_it() {
        for (code, expected) in [
            ("23514", Kind::Row),
            ("23505", Kind::There),
            ("22021", Kind::Row),
            ("P0001", Kind::Row),
            ("54000", Kind::Row),
            ("53100", Kind::Full),
            ("42P01", Kind::NoTable),
            ("40P01", Kind::Busy),
            ("25006", Kind::Unavailable),
            ("53200", Kind::Unavailable),
            ("57014", Kind::Unavailable),
            ("58030", Kind::Unavailable),
            ("42501", Kind::Setup),
            ("26000", Kind::Setup),
        ] {
            assert_eq!(kind(&SqlState::from_code(code)), expected, "{code}");
        }
    }

    #[test]
    fn what_is_unknown_is_never_told_as_refused() {
        let late = Failure::late();
        assert!(matches!(late.clone().append(), AppendError::Unknown(_)));
        assert!(late.ends_session());
    }
}
