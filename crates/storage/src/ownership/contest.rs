//! The way to ownership: standing by until it can be taken.

use super::{
    OwnerRow, RowError, Seen,
    keeper::bounded,
    pace::Pace,
    vigil::{Sight, Vigil},
};
use crate::{DatabaseTimes, OpenError, OpenObserver};
use broker_core::TimeSource;
use std::time::Duration;
use tokio::time;

/// The first try of a database that is away is repeated this much later; each further one twice as late.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// An epoch that was won.
pub(super) struct Won {
    pub epoch: i64,
    /// When the call began that won it.
    pub begun: Duration,
}

/// One broker that wants to be the owner.
pub(super) struct Contest<'a> {
    row: &'a dyn OwnerRow,
    clock: &'a dyn TimeSource,
    observer: &'a dyn OpenObserver,
    pace: Pace,
    vigil: Vigil,
    started: Duration,
    /// The epoch that the observer was told of last, while the database answers.
    told: Option<i64>,
    /// Whether another owner was ever seen: from then on it waits for as long as it takes.
    stood_by: bool,
    pause: Duration,
}

/// What to do after a step.
enum Next {
    Won(Won),
    Again(Duration),
}

impl<'a> Contest<'a> {
    pub fn new(
        row: &'a dyn OwnerRow,
        clock: &'a dyn TimeSource,
        times: &DatabaseTimes,
        observer: &'a dyn OpenObserver,
    ) -> Self {
        let pace = Pace::of(times);
        Self {
            row,
            clock,
            observer,
            pace,
            vigil: Vigil::new(pace.look * 2),
            started: clock.monotonic(),
            told: None,
            stood_by: false,
            pause: FIRST_PAUSE,
        }
    }

    /// Waits until this broker is the owner.
    ///
    /// # Errors
    /// The database was away for too long, or it will not do.
    pub async fn win(mut self) -> Result<Won, OpenError> {
        loop {
            let step = self.step().await;
            match step {
                Ok(Next::Won(won)) => return Ok(won),
                Ok(Next::Again(pause)) => {
                    self.pause = FIRST_PAUSE;
                    time::sleep(pause).await;
                }
                Err(RowError::Failed(why)) => return Err(OpenError::Database(why)),
                Err(RowError::Away(why)) => self.wait_for_the_database(&why).await?,
            }
        }
    }

    async fn step(&mut self) -> Result<Next, RowError> {
        let seen = bounded(self.pace.patience, self.row.look()).await?;
        match self.vigil.judge(&seen, self.clock.monotonic()) {
            Sight::Owned { rest } => {
                self.tell(&seen);
                Ok(Next::Again(rest.min(self.pace.look)))
            }
            Sight::Takeable => {
                let begun = self.clock.monotonic();
                let epoch = bounded(self.pace.patience, self.row.take(seen)).await?;
                Ok(epoch
                    .map_or(Next::Again(self.pace.retry), |epoch| Next::Won(Won { epoch, begun })))
            }
        }
    }

    fn tell(&mut self, seen: &Seen) {
        self.stood_by = true;
        if self.told.replace(seen.epoch) != Some(seen.epoch) {
            self.observer.standing_by(&seen.owner);
        }
    }

    async fn wait_for_the_database(&mut self, why: &str) -> Result<(), OpenError> {
        self.told = None;
        self.observer.away(why);
        let waited = self.clock.monotonic().saturating_sub(self.started);
        if !self.stood_by && waited >= self.pace.start {
            let limit = self.pace.start;
            let why = format!(
                "the database did not let this broker own its store within {limit:?}: {why}"
            );
            return Err(OpenError::Database(why));
        }
        time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(self.pace.look.max(FIRST_PAUSE));
        Ok(())
    }
}
