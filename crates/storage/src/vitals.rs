//! What an operator may know of a store's insides at a moment.

use broker_core::Usage;

/// A store that tells of itself.
pub trait Inspect: Send + Sync + 'static {
    /// How it is now. It may wait for the disk for a moment.
    fn vitals(&self) -> Vitals;
}

/// How a store is. What its kind does not have is `None`, or empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vitals {
    /// Bytes that it takes of the disk or of the process's memory.
    pub bytes: Option<u64>,
    /// The files of its log.
    pub segments: Option<Segments>,
    /// The disk that it is on.
    pub disk: Option<DiskSpace>,
    /// Its connections to a database.
    pub connections: Option<Connections>,
    /// The number of this ownership: each new owner has a higher one.
    pub epoch: Option<i64>,
    /// Its own limits.
    pub usage: Vec<Usage>,
}

/// Numbers of files of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    /// Written no more; their indexes are being written.
    pub sealing: usize,
    /// Complete. One more, the active one, is being written.
    pub sealed: usize,
}

/// A disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// What may still be used.
    pub free: u64,
    /// All of it.
    pub size: u64,
    /// What appends leave free.
    pub reserve: u64,
}

/// Connections to a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// In use, or kept for who writes.
    pub busy: usize,
    /// Open, and waiting for use.
    pub idle: usize,
    /// Most of both.
    pub most: usize,
}
