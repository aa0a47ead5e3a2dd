//! Who may act for a store that several brokers can reach: a lease kept in a row of the database.
//!
//! The row has an epoch, which grows with every change of owner, and a beat, which its owner changes
//! now and then. Nobody trusts the database's clock or another machine's: an owner counts a lease from
//! the moment *before* it sent the sign of life that succeeded, a broker that stands by from the moment
//! *after* it saw the last change, each on its own monotonic clock (CLOCK_BOOTTIME, which goes on while
//! a machine sleeps). So an owner's lease is over before anybody takes over. The row says how long its
//! owner's lease is: brokers whose settings differ agree all the same.
//!
//! [`Lease`] is the owner's side and the way to it; docs/decisions/0006-ownership.md has the argument
//! and what can happen.

mod contest;
mod keeper;
mod lease;
mod pace;
mod tenure;
#[cfg(test)]
mod tests;
mod vigil;

pub use lease::{Lease, LeaseError};

use std::{future::Future, pin::Pin, time::Duration};

/// A call of the database that is under way.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The row, as a database keeps it. Calls end within the statement's time limit; one that is dropped
/// before is of unknown outcome, as one whose answer is lost.
pub trait OwnerRow: Send + Sync + 'static {
    /// What the row says now.
    fn look(&self) -> BoxFuture<'static, Result<Seen, RowError>>;

    /// Becomes the owner if the row's epoch and beat still are what was seen. When it answers, nothing of
    /// an earlier epoch can be written any more, or whatever still is stays invisible. Puts this broker's
    /// name and lease into the row. The new epoch; `None`: somebody was faster or the owner lives.
    fn take(&self, seen: Seen) -> BoxFuture<'static, Result<Option<i64>, RowError>>;

    /// A sign of life: changes the beat and nothing else, so that one that comes late does not undo a
    /// release. `false`: the epoch is over, for good.
    fn renew(&self, epoch: i64) -> BoxFuture<'static, Result<bool, RowError>>;

    /// Gives the lease back: whoever stands by may take over at once.
    fn release(&self, epoch: i64) -> BoxFuture<'static, Result<(), RowError>>;
}

/// What the row said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Grows with every change of owner; 0 before the first.
    pub epoch: i64,
    /// Changes with every sign of life.
    pub beat: i64,
    /// Given back, or never taken.
    pub is_free: bool,
    /// How long the owner's lease is; zero before the first.
    pub lease: Duration,
    /// Host and process of the owner, for the log.
    pub owner: String,
}

/// Why the row said nothing. An unknown outcome of a change is settled by looking again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// The database could not be reached or did not answer in time; for the log.
    #[error("{0}")]
    Away(String),
    /// It will not work however often it is tried; for the log.
    #[error("{0}")]
    Failed(String),
}
