//! What lies under the broker's store, measured beside each round: the disk or a database.

#[cfg(any(feature = "postgres", feature = "cassandra"))]
use super::database::Database;
use super::disk::Disk;
use crate::bench::{
    plan::Plan, report::Share, summary::Figure, target::Target, workload::Workload,
};
use anyhow::Result;
use std::time::Duration;

/// Messages in flight from which publishing is pipelined.
const PIPELINED: usize = 1_000;

/// What a workload asks of what lies under the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// One message after the other.
    Lone,
    /// Many calls at once; how many messages the store writes together is not known beforehand.
    Crowd,
    /// As many messages as it can take.
    Bulk,
}

impl Demand {
    /// `None` where what lies under the store is no bound of the workload.
    pub fn of(plan: &Plan) -> Option<Self> {
        match (plan.workload, plan.in_flight) {
            _ if plan.live => None,
            (Workload::Publish | Workload::Stream, 1) => Some(Self::Lone),
            (Workload::Stream | Workload::FanOut, PIPELINED..) => Some(Self::Bulk),
            (Workload::Publish | Workload::Stream, _) => Some(Self::Crowd),
            _ => None,
        }
    }
}

/// What lies under the store.
#[derive(Debug)]
pub enum Beneath {
    Disk(Disk),
    #[cfg(any(feature = "postgres", feature = "cassandra"))]
    Database(Box<Database>),
}

impl Beneath {
    /// Under the store of that broker; `None` where there is nothing to measure.
    pub async fn open(plan: &Plan, target: &Target) -> Result<Option<Self>> {
        let Some(demand) = Demand::of(plan) else { return Ok(None) };
        if let Some(directory) = target.data() {
            return Ok(Disk::new(demand, plan.body_bytes, directory).map(Self::Disk));
        }
        #[cfg(any(feature = "postgres", feature = "cassandra"))]
        if let Some(store) = target.database()? {
            let database = Database::open(demand, plan, store).await?;
            return Ok(Some(Self::Database(Box::new(database))));
        }
        Ok(None)
    }

    /// Measures it once.
    pub async fn measure(&mut self, time: Duration) -> Result<()> {
        match self {
            Self::Disk(disk) => disk.measure(time).await,
            #[cfg(any(feature = "postgres", feature = "cassandra"))]
            Self::Database(database) => database.measure(time).await,
        }
    }

    /// Its figures, and how much of them the broker reached, beside the empty handler.
    pub async fn finish(
        self,
        ours: &[Figure],
        handler: &[Figure],
    ) -> Result<(Vec<Figure>, Vec<Share>)> {
        match self {
            Self::Disk(disk) => Ok(disk.finish(ours, handler)),
            #[cfg(any(feature = "postgres", feature = "cassandra"))]
            Self::Database(database) => database.finish(ours, handler).await,
        }
    }
}
