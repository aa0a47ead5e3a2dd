//! What a local store is told, and why one could not be opened.

use super::disk::Disk;
use std::{io, path::PathBuf};

const MIB: u64 = 1024 * 1024;

/// The settings of a local store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalConfig {
    /// The directory; made (mode 0700) if it is missing.
    pub directory: PathBuf,
    /// Bytes at which a segment is sealed; from 64 KiB to 1 GiB.
    pub segment_bytes: u64,
    /// Bytes of the disk left free for sweeping; `None`: 5 % of the disk, at most 1 GiB.
    pub reserve_bytes: Option<u64>,
    /// Bytes the store may take; `None`: what the disk has.
    pub max_bytes: Option<u64>,
    /// Bytes of appends that wait for the writer; beyond that they are refused.
    pub queue_bytes: usize,
}

impl LocalConfig {
    /// The defaults in this directory.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            segment_bytes: 64 * MIB,
            reserve_bytes: None,
            max_bytes: None,
            queue_bytes: 64 * 1024 * 1024,
        }
    }

    /// Bytes left free of a disk of this size where [`LocalConfig::reserve_bytes`] says nothing.
    #[must_use]
    pub fn default_reserve(disk_bytes: u64) -> u64 {
        (disk_bytes / 20).min(1024 * MIB)
    }

    /// Bytes allocated ahead at once.
    pub(super) fn chunk(&self) -> u64 {
        (self.segment_bytes / 4).clamp(64 * 1024, 4 * MIB)
    }

    pub(super) fn reserve(&self, disk: &dyn Disk) -> io::Result<u64> {
        if !(64 * 1024..=1024 * MIB).contains(&self.segment_bytes) {
            let why = "the size of a segment is from 64 KiB to 1 GiB";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        match self.reserve_bytes {
            Some(reserve) => Ok(reserve),
            None => Ok(Self::default_reserve(disk.space()?.1)),
        }
    }

    pub(super) fn cannot_open(&self, error: io::Error) -> LocalOpenError {
        let directory = self.directory.clone();
        if error.kind() == io::ErrorKind::WouldBlock {
            LocalOpenError::Locked { directory }
        } else {
            LocalOpenError::Io { directory, error }
        }
    }
}

/// Why a local store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum LocalOpenError {
    /// Another process has it.
    #[error("the store in {} is in use by another broker", .directory.display())]
    Locked {
        /// Where.
        directory: PathBuf,
    },
    /// The disk's word, or what is wrong with what is on it.
    #[error("the store in {} cannot be opened: {error}", .directory.display())]
    Io {
        /// Where.
        directory: PathBuf,
        /// Why.
        error: io::Error,
    },
}
