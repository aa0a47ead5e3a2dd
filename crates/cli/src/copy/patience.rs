//! Asking a store again while it may answer yet.

use anyhow::{Error, Result};
use broker_core::{AppendError, ReadError, StorageFuture};
use std::time::Duration;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

/// From the first pause between two tries to the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];

/// The person at the terminal wants no more, or another part of the copy failed.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
pub struct Stopped;

/// How long a store that does not answer is asked again, and whether to go on at all; cheap to clone.
#[derive(Debug, Clone)]
pub struct Patience {
    wait: Duration,
    stopped: watch::Sender<bool>,
}

/// An error that may be over a moment later.
pub trait Passing: std::error::Error + Send + Sync + 'static {
    fn may_pass(&self) -> bool;
}

impl Passing for ReadError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Damaged(_) | Self::Failed(_) | Self::Fenced => false,
        }
    }
}

impl Passing for AppendError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Full(_) | Self::Unavailable(_) | Self::Unknown(_) => true,
            Self::Lost(_) | Self::Fenced => false,
        }
    }
}

impl Patience {
    pub fn new(wait: Duration) -> Self {
        Self { wait, stopped: watch::Sender::new(false) }
    }

    /// How long to wait for anything.
    pub fn wait(&self) -> Duration {
        self.wait
    }

    /// From now on nothing more is begun.
    pub fn stop(&self) {
        self.stopped.send_replace(true);
    }

    pub fn is_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    /// Done once it is to be stopped.
    pub async fn stopped(&self) {
        // The sender is this one's own.
        let _ = self.stopped.subscribe().wait_for(|stopped| *stopped).await;
    }

    /// The answer to a call that may be repeated.
    ///
    /// # Errors
    /// What the store says for good or for too long, or [`Stopped`].
    pub async fn ask<T, E: Passing>(
        &self,
        call: impl Fn() -> StorageFuture<Result<T, E>>,
    ) -> Result<T> {
        if self.is_stopped() {
            return Err(Stopped.into());
        }
        self.answer(call(), &call).await
    }

    /// The answer to a call that is under way, or to another one like it.
    ///
    /// # Errors
    /// As for [`Self::ask`].
    pub async fn answer<T, E: Passing>(
        &self,
        first: StorageFuture<Result<T, E>>,
        again: impl Fn() -> StorageFuture<Result<T, E>>,
    ) -> Result<T> {
        let mut tries = Tries::default();
        let mut answer = first.await;
        loop {
            match answer {
                Ok(value) => return Ok(value),
                Err(error) if error.may_pass() => self.pause(&mut tries, error.into()).await?,
                Err(error) => return Err(error.into()),
            }
            answer = again().await;
        }
    }

    /// Waits until it is worth trying again.
    ///
    /// # Errors
    /// The given one if it was tried for too long, or [`Stopped`].
    pub async fn pause(&self, tries: &mut Tries, error: Error) -> Result<()> {
        let begun = *tries.begun.get_or_insert_with(Instant::now);
        if begun.elapsed() >= self.wait {
            return Err(error);
        }
        let pause = tries.pause.unwrap_or(PAUSES[0]);
        tries.pause = Some((pause * 2).min(PAUSES[1]));
        tokio::select! {
            () = sleep(pause) => Ok(()),
            () = self.stopped() => Err(Stopped.into()),
        }
    }
}

/// How long something has been tried.
#[derive(Debug, Default)]
pub struct Tries {
    begun: Option<Instant>,
    pause: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        future::ready,
        sync::atomic::{AtomicU32, Ordering},
    };

    fn fails(
        times: u32,
        error: AppendError,
    ) -> impl Fn() -> StorageFuture<Result<u32, AppendError>> {
        let calls = AtomicU32::new(0);
        move || {
            let call = calls.fetch_add(1, Ordering::Relaxed);
            let answer = if call < times { Err(error.clone()) } else { Ok(call) };
            Box::pin(ready(answer))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_again_for_a_while() {
        let patience = Patience::new(Duration::from_secs(10));
        assert_eq!(patience.ask(fails(5, AppendError::Unknown("x".into()))).await.unwrap(), 5);
        let away = fails(u32::MAX, AppendError::Unavailable("away".into()));
        let begun = Instant::now();
        assert!(patience.ask(away).await.unwrap_err().to_string().contains("away"));
        assert!((10..12).contains(&begun.elapsed().as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_stays_is_said_at_once() {
        let patience = Patience::new(Duration::from_secs(10));
        for error in [AppendError::Fenced, AppendError::Lost("x".into())] {
            assert!(patience.ask(fails(1, error)).await.is_err());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_stopped_tries_no_more() {
        let patience = Patience::new(Duration::MAX);
        let other = patience.clone();
        let asking = patience.ask(fails(u32::MAX, AppendError::Full("disk")));
        let (asked, ()) = tokio::join!(asking, async move { other.stop() });
        assert!(asked.unwrap_err().is::<Stopped>());
        assert!(patience.ask(fails(0, AppendError::Fenced)).await.unwrap_err().is::<Stopped>());
    }
}
