//! The disk under the broker's store.

use super::{
    append::{self, Append},
    beneath::Demand,
    measured::Measured,
    shares::{beyond, of_rate},
};
use crate::bench::{report::Share, summary::Figure};
use anyhow::Result;
use std::{path::PathBuf, time::Duration};

/// Records that are synced together where publishing is pipelined.
const GROUP: usize = 1_000;

/// The disk alone.
#[derive(Debug)]
pub struct Disk {
    append: Append,
    directory: PathBuf,
    rounds: Vec<Measured>,
}

impl Disk {
    /// That of a directory. `None` where it is not known beforehand how many messages share a sync.
    pub fn new(demand: Demand, body_bytes: usize, directory: PathBuf) -> Option<Self> {
        let group = match demand {
            Demand::Lone => 1,
            Demand::Bulk => GROUP,
            Demand::Crowd => return None,
        };
        let append = Append { group, record: append::record(body_bytes), is_allocated: true };
        Some(Self { append, directory, rounds: Vec::new() })
    }

    pub async fn measure(&mut self, time: Duration) -> Result<()> {
        self.rounds.push(self.append.measure(self.directory.clone(), time).await?);
        Ok(())
    }

    pub fn finish(self, ours: &[Figure], handler: &[Figure]) -> (Vec<Figure>, Vec<Share>) {
        let measured = self.append.figures(&self.rounds);
        let share = if self.append.group > 1 {
            of_rate("records a second of the disk alone", ours, &measured)
        } else {
            let of = "acknowledgement p50 beyond the handler's, in syncs of the disk alone";
            beyond(of, ours, handler, &measured)
        };
        (measured, share.into_iter().collect())
    }
}
