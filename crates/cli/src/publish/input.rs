//! Where lines come from: standard input or a file.

use crate::lines::Lines;
use anyhow::{Context, Result};
use broker_client::MAX_MESSAGE_BYTES;
use bytes::Bytes;
use std::{
    fs::File,
    io::{self, IsTerminal, Seek},
    os::fd::AsFd,
    path::Path,
};

/// Lines with their numbers, from 1.
pub struct Input {
    lines: Lines<tokio::fs::File>,
    /// Lines read so far.
    number: u64,
    /// Bytes from here to the end, where that is known: not of a pipe.
    pub bytes: Option<u64>,
}

impl Input {
    /// That file, or standard input.
    ///
    /// # Errors
    /// The system's word, with the file's name.
    pub fn open(path: Option<&Path>) -> Result<Self> {
        match path {
            Some(path) => {
                let file = File::open(path);
                Ok(Self::of(file.with_context(|| format!("cannot read {}", path.display()))?))
            }
            None => {
                let stdin = io::stdin().as_fd().try_clone_to_owned();
                Ok(Self::of(stdin.context("cannot read standard input")?.into()))
            }
        }
    }

    fn of(mut file: File) -> Self {
        let bytes = length(&mut file);
        let file = tokio::fs::File::from_std(file);
        Self { lines: Lines::new(file, MAX_MESSAGE_BYTES), number: 0, bytes }
    }

    /// The next line and its number; `None` after the last.
    pub async fn next(&mut self) -> io::Result<Option<(u64, Bytes)>> {
        let line = self.lines.next().await?;
        self.number += u64::from(line.is_some());
        Ok(line.map(|line| (self.number, line)))
    }
}

/// Whether lines are typed by a person.
pub fn is_typed(path: Option<&Path>) -> bool {
    path.is_none() && io::stdin().is_terminal()
}

/// What is left of a regular file.
fn length(file: &mut File) -> Option<u64> {
    let meta = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let position = file.stream_position().ok()?;
    Some(meta.len().saturating_sub(position))
}
