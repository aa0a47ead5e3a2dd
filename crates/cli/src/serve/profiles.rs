//! Profiles of the running process, for whoever is allowed to ask: one at a time.

mod cpu;
#[cfg(feature = "jemalloc")]
mod heap;

use broker_server::{Profile, ProfileError, Profiler};
use futures_util::{FutureExt, future::BoxFuture};
use std::{future::ready, sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tracing::info;

/// What turns profiles on.
const SETTING: &str = "--profiles true";

/// Takes profiles, if that is on.
pub struct Profiles {
    is_on: bool,
    /// One for the profile that is being taken.
    turn: Arc<Semaphore>,
}

impl Profiles {
    pub fn new(is_on: bool) -> Self {
        Self { is_on, turn: Arc::new(Semaphore::new(1)) }
    }

    /// Has the allocator count what it gives out, which it only does if it is told at the start of a
    /// process: starts this program again in place of itself, with the same arguments, where it was not.
    #[cfg(feature = "jemalloc")]
    pub fn prepare() -> std::io::Result<()> {
        heap::prepare()
    }

    /// The system's allocator counts nothing.
    #[cfg(not(feature = "jemalloc"))]
    pub fn prepare() -> std::io::Result<()> {
        Ok(())
    }

    /// Has its turn for as long as the profile is being taken, or asked for.
    fn take(
        &self,
        what: &'static str,
        taking: impl Future<Output = Result<Profile, ProfileError>> + Send + 'static,
    ) -> BoxFuture<'static, Result<Profile, ProfileError>> {
        if !self.is_on {
            return ready(Err(ProfileError::Off(SETTING))).boxed();
        }
        let Ok(turn) = self.turn.clone().try_acquire_owned() else {
            return ready(Err(ProfileError::Busy)).boxed();
        };
        info!(what, "a profile is being taken");
        async move {
            let taken = taking.await;
            drop(turn);
            taken
        }
        .boxed()
    }
}

impl Profiler for Profiles {
    fn cpu(&self, time: Duration) -> BoxFuture<'static, Result<Profile, ProfileError>> {
        self.take("cpu", cpu::take(time))
    }

    #[cfg(feature = "jemalloc")]
    fn heap(&self, time: Duration) -> BoxFuture<'static, Result<Profile, ProfileError>> {
        self.take("heap", heap::take(time))
    }

    #[cfg(not(feature = "jemalloc"))]
    fn heap(&self, _: Duration) -> BoxFuture<'static, Result<Profile, ProfileError>> {
        let why = "this build has the system's allocator, which counts nothing; build it with the \
                   feature `jemalloc`";
        self.take("heap", ready(Err(ProfileError::Unable(why.into()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn off_is_refused_and_one_is_taken_at_a_time() {
        let off = Profiles::new(false);
        for refused in [off.cpu(Duration::ZERO).await, off.heap(Duration::ZERO).await] {
            assert_eq!(refused, Err(ProfileError::Off(SETTING)));
        }
        let on = Profiles::new(true);
        let never = on.take("cpu", std::future::pending());
        assert_eq!(on.heap(Duration::ZERO).await, Err(ProfileError::Busy));
        assert_eq!(on.cpu(Duration::ZERO).await, Err(ProfileError::Busy));
        // Who asked has gone.
        drop(never);
        let done = on.take("cpu", ready(Err(ProfileError::Unable("x".into())))).await;
        assert_eq!(done, Err(ProfileError::Unable("x".into())));
    }
}
