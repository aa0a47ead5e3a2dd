//! PublishStream: messages follow each other without waiting for answers.

use super::publish::conclude;
use crate::bench::{
    lane::Books,
    pace::Pace,
    recorder::SharedRecorder,
    round::Round,
    scene::Scene,
    streamer::{Expiry, Streamer},
    window::Crowd,
};
use anyhow::Result;
use futures_util::future::try_join_all;
use std::{future::Future, sync::Arc};

pub async fn play(scene: &Scene) -> Result<Round> {
    let recorders = scene.recorders(scene.plan.publishers);
    let meter = scene.meter()?;
    let pace = scene.pace();
    let books = publish_all(scene, &pace, &no_crowds(), &recorders).await?;
    conclude(scene, books, &pace, meter, &recorders).await
}

/// Nobody who has to keep up.
pub fn no_crowds() -> Arc<[Crowd]> {
    Arc::new([])
}

/// All publishers of the plan, each on a stream of its own, until the pace ends.
pub fn publish_all(
    scene: &Scene,
    pace: &Arc<Pace>,
    crowds: &Arc<[Crowd]>,
    recorders: &[SharedRecorder],
) -> impl Future<Output = Result<Vec<Books>>> {
    let publishers = scene.plan.publishers;
    let streamers = (0..publishers).zip(0..).map(|(at, publisher)| {
        let streamer = Streamer {
            publisher,
            scene: scene.clone(),
            pace: pace.clone(),
            crowds: crowds.clone(),
            recorder: recorders[at % recorders.len()].clone(),
            in_flight: scene.plan.in_flight.div_ceil(publishers),
            expiry: Expiry::Planned,
        };
        Running(tokio::spawn(streamer.run()))
    });
    let running: Vec<_> = streamers.collect();
    async move {
        try_join_all(running.into_iter().map(|mut one| async move { (&mut one.0).await? })).await
    }
}

/// A task that ends with its handle.
struct Running(tokio::task::JoinHandle<Result<Books>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}
