//! The database under the broker's store, written to by bare clients.

use super::{
    beneath::Demand,
    measured::{self, LONGEST, Measured},
    shares::{beyond, of_rate},
};
use crate::bench::{
    plan::Plan, progress::Progress, recorder::Recorder, report::Share, summary::Figure, time::Epoch,
};
use anyhow::{Result, anyhow};
use broker_storage::{
    StorageConfig,
    ceiling::{BareClient, Ceiling, Sample, Way},
};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The database alone.
#[derive(Debug)]
pub struct Database {
    ceiling: Ceiling,
    demand: Demand,
    way: Way,
    rounds: Vec<Measured>,
}

impl Database {
    /// That of a store.
    pub async fn open(demand: Demand, plan: &Plan, store: StorageConfig) -> Result<Self> {
        let ceiling = Ceiling::open(store, sample(plan)).await?;
        let way = match demand {
            Demand::Lone | Demand::Crowd => Way::LONE,
            Demand::Bulk => ceiling.bulk(),
        };
        Ok(Self { ceiling, demand, way, rounds: Vec::new() })
    }

    pub async fn measure(&mut self, time: Duration) -> Result<()> {
        self.rounds.push(measure(&self.ceiling, self.way, time).await?);
        Ok(())
    }

    pub async fn finish(
        self,
        ours: &[Figure],
        handler: &[Figure],
    ) -> Result<(Vec<Figure>, Vec<Share>)> {
        self.ceiling.close().await?;
        let measured = figures(self.way, &self.rounds);
        let share = match self.demand {
            Demand::Lone => {
                let of =
                    "acknowledgement p50 beyond the handler's, in lone writes of a bare client";
                beyond(of, ours, handler, &measured)
            }
            Demand::Crowd => {
                of_rate("rows a second of one bare client, row by row", ours, &measured)
            }
            Demand::Bulk => of_rate("rows a second of bare clients in bulk", ours, &measured),
        };
        Ok((measured, share.into_iter().collect()))
    }
}

/// Every way to write to a store's database: its figures.
pub async fn all(plan: &Plan, store: StorageConfig, progress: &Progress) -> Result<Vec<Figure>> {
    let ceiling = Ceiling::open(store, sample(plan)).await?;
    let (time, mut told) = (LONGEST.min(plan.time), Vec::new());
    for way in ceiling.ways() {
        let mut rounds = Vec::new();
        for _ in 0..plan.rounds {
            progress.begin(&way.to_string(), 1, time);
            rounds.push(measure(&ceiling, way, time).await?);
        }
        told.extend(figures(way, &rounds));
    }
    ceiling.close().await?;
    Ok(told)
}

fn sample(plan: &Plan) -> Sample {
    Sample { body_bytes: plan.body_bytes, lifetime: plan.ttl, subjects: plan.subjects }
}

fn figures(way: Way, rounds: &[Measured]) -> Vec<Figure> {
    measured::figures(&way.to_string(), "write", rounds)
}

/// Has all clients of that way write for that long, each statement followed by another.
async fn measure(ceiling: &Ceiling, way: Way, time: Duration) -> Result<Measured> {
    let clients = ceiling.clients(way).await?;
    let (epoch, begun) = (Epoch::begin(), Instant::now());
    let mut writing = JoinSet::new();
    for client in clients {
        writing.spawn(write(client, epoch, time));
    }
    let mut recorder = Recorder::new(0, time);
    while let Some(written) = writing.join_next().await {
        recorder.merge(&written?.map_err(|why| anyhow!("{way}: {why}"))?);
    }
    let records = recorder.count() * way.rows as u64;
    Ok(Measured { records, took: begun.elapsed(), recorder })
}

async fn write(
    mut client: Box<dyn BareClient>,
    epoch: Epoch,
    time: Duration,
) -> Result<Recorder, String> {
    let mut recorder = Recorder::new(0, time);
    let begun = Instant::now();
    while begun.elapsed() < time {
        let due = epoch.now();
        client.write().await?;
        recorder.record(due, epoch.now());
    }
    Ok(recorder)
}
