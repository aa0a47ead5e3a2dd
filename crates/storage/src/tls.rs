//! How a connection to a database is protected.

use std::path::PathBuf;

/// Whether and how a connection to a database is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Tls {
    /// Not at all.
    #[default]
    Off,
    /// Encrypted; the server's certificate must be valid for its name, and signed by an authority of
    /// this file (PEM) or, without one, by one that the machine trusts.
    VerifyFull(Option<PathBuf>),
}
