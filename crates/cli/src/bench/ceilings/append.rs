//! What the disk allows: appending records to a file and syncing it, with nothing around.

use super::measured::{self, Measured};
use crate::bench::{recorder::Recorder, summary::Figure, time::Epoch};
use anyhow::{Context, Result};
use rustix::fs::{FallocateFlags, fallocate};
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// At which a file begins anew, in bytes.
const FILE_BYTES: u64 = 64 * 1024 * 1024;
/// What a stored message takes beside its body, about: its head, subject and times.
const AROUND_A_BODY: usize = 40;
/// The groups that are told of.
pub const GROUPS: [usize; 4] = [1, 100, 1_000, 10_000];

/// A way to append.
#[derive(Debug, Clone, Copy)]
pub struct Append {
    /// Records that are synced together.
    pub group: usize,
    /// Bytes of a record.
    pub record: usize,
    /// Whether the file has its size before it is written to.
    pub is_allocated: bool,
}

/// The record of a message with a body of that size.
pub fn record(body: usize) -> usize {
    body + AROUND_A_BODY
}

impl Append {
    /// Appends in that directory for that long.
    pub async fn measure(self, directory: PathBuf, time: Duration) -> Result<Measured> {
        let measuring = tokio::task::spawn_blocking(move || self.run(&directory, time));
        measuring.await?.context("cannot write to the disk that is measured")
    }

    /// Records a second, and the times of a write with its sync.
    pub fn figures(self, rounds: &[Measured]) -> Vec<Figure> {
        let file = if self.is_allocated { "preallocated" } else { "growing" };
        let name = format!("append of {} to a {file} file", self.group);
        measured::figures(&name, "sync", rounds)
    }

    fn run(self, directory: &Path, time: Duration) -> io::Result<Measured> {
        let path = directory.join("ceiling");
        let result = self.append(&path, time);
        // What stays is removed with the directory.
        let _ = std::fs::remove_file(&path);
        result
    }

    fn append(self, path: &Path, time: Duration) -> io::Result<Measured> {
        let buffer = vec![7; self.group * self.record];
        let mut file = self.begin(path)?;
        let (epoch, begun) = (Epoch::begin(), Instant::now());
        let mut recorder = Recorder::new(0, time);
        let (mut records, mut offset, mut apart) = (0, 0, Duration::ZERO);
        while begun.elapsed() < time {
            if offset + buffer.len() as u64 > FILE_BYTES {
                let beginning = Instant::now();
                (file, offset) = (self.begin(path)?, 0);
                // Making a file is no part of appending.
                apart += beginning.elapsed();
            }
            let due = epoch.now();
            file.write_all_at(&buffer, offset)?;
            file.sync_data()?;
            recorder.record(due, epoch.now());
            offset += buffer.len() as u64;
            records += self.group as u64;
        }
        Ok(Measured { records, took: begun.elapsed().saturating_sub(apart), recorder })
    }

    fn begin(self, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(true).write(true).open(path)?;
        if self.is_allocated {
            match fallocate(&file, FallocateFlags::empty(), 0, FILE_BYTES) {
                // A file system without allocation: as large, with a hole.
                Err(rustix::io::Errno::OPNOTSUPP) => file.set_len(FILE_BYTES)?,
                other => other?,
            }
        }
        file.sync_all()?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_disk_is_measured_and_left_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        for is_allocated in [false, true] {
            let append = Append { group: 100, record: record(100), is_allocated };
            let time = Duration::from_millis(20);
            let one = append.measure(directory.path().to_owned(), time).await.unwrap();
            let figures = append.figures(&[one]);
            assert!(figures.iter().all(|figure| figure.median > 0.0), "{figures:?}");
            assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        }
    }
}
