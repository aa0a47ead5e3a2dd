//! What is allocated and not freed: the allocator's own samples, in the form of pprof.

use broker_server::{Profile, ProfileError};
use jemalloc_pprof::{JemallocProfCtl, PROF_CTL};
use std::{
    env, ffi::OsString, fmt::Display, io, os::unix::process::CommandExt, process::Command,
    sync::Arc, time::Duration,
};
use tokio::sync::Mutex;

/// What the allocator reads at the start of a process.
const VARIABLE: &str = "_RJEM_MALLOC_CONF";

/// It may count, and does not yet.
const WORDS: &str = "prof:true,prof_active:false";

/// Starts this program again in place of itself, unless its allocator was told already.
pub fn prepare() -> io::Result<()> {
    if PROF_CTL.is_some() {
        return Ok(());
    }
    let before = env::var_os(VARIABLE).filter(|words| !words.is_empty());
    if before.as_ref().is_some_and(|words| words.to_string_lossy().contains(WORDS)) {
        return Err(io::Error::other("the allocator was told to count and does not"));
    }
    let mut words = before.map_or_else(OsString::new, |mut words| {
        words.push(",");
        words
    });
    words.push(WORDS);
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_else(|| "broker".into());
    let mut command = Command::new(env::current_exe()?);
    // Its threads end before the program does: one that is being started just then complains on standard
    // error, which is the log's.
    let _ = tikv_jemalloc_ctl::background_thread::write(false);
    Err(command.arg0(name).args(arguments).env(VARIABLE, words).exec())
}

/// Counts for that long. Dropping the future stops it.
pub async fn take(time: Duration) -> Result<Profile, ProfileError> {
    let Some(control) = PROF_CTL.as_ref() else {
        return Err(unable("the allocator was not told to count at the start"));
    };
    control.lock().await.activate().map_err(unable)?;
    let counting = Counting(control.clone());
    tokio::time::sleep(time).await;
    // It goes through a file, and through all that is counted.
    let dumping = tokio::task::spawn_blocking(move || {
        let dumped = counting.0.blocking_lock().dump_pprof();
        drop(counting);
        dumped
    });
    let bytes = dumping.await.map_err(unable)?.map_err(unable)?;
    Ok(Profile { media_type: "application/octet-stream", bytes })
}

/// An allocator that counts, until this is dropped.
struct Counting(Arc<Mutex<JemallocProfCtl>>);

impl Drop for Counting {
    fn drop(&mut self) {
        // Nobody else has it: profiles are taken one at a time.
        if let Ok(mut control) = self.0.try_lock()
            && let Err(error) = control.deactivate()
        {
            tracing::warn!(%error, "the allocator goes on counting");
        }
    }
}

fn unable(why: impl Display) -> ProfileError {
    ProfileError::Unable(format!("no profile of the heap could be taken: {why}"))
}
