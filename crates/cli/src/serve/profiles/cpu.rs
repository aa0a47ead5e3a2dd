//! Where the processors' time goes: samples of every thread's stack, as an image that can be looked into
//! with a browser.

use broker_server::{Profile, ProfileError};
use pprof::{ProfilerGuard, ProfilerGuardBuilder};
use std::{fmt::Display, time::Duration};

/// Samples in a second of a processor's time; beside the round hundred, so that it is not in step with
/// timers.
const FREQUENCY: i32 = 99;

/// A stack is not walked from within these: they may hold what walking needs.
const BLOCKED: &[&str] = &["libc", "libgcc", "pthread", "vdso"];

/// Samples for that long. Dropping the future stops it.
pub async fn take(time: Duration) -> Result<Profile, ProfileError> {
    let builder = ProfilerGuardBuilder::default().frequency(FREQUENCY).blocklist(BLOCKED);
    let guard = builder.build().map_err(unable)?;
    tokio::time::sleep(time).await;
    // Finding the functions' names takes a while.
    let drawing = tokio::task::spawn_blocking(move || draw(&guard));
    let bytes = drawing.await.map_err(unable)??;
    Ok(Profile { media_type: "image/svg+xml", bytes })
}

fn draw(guard: &ProfilerGuard<'_>) -> Result<Vec<u8>, ProfileError> {
    let report = guard.report().build().map_err(unable)?;
    let mut image = Vec::new();
    report.flamegraph(&mut image).map_err(unable)?;
    if image.is_empty() {
        return Err(unable("the process used no processor in that time"));
    }
    Ok(image)
}

fn unable(why: impl Display) -> ProfileError {
    ProfileError::Unable(format!("no profile of the processors could be taken: {why}"))
}
