//! What an operator may see of the process itself and do to it: given by who builds the server, because the
//! door knows no exporter, log or profiler.

use super::MetricsPage;
use futures_util::future::BoxFuture;
use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// The log's level, told and changed while the broker runs.
pub trait LogControl: Send + Sync {
    /// The level in force, and the one of the start.
    fn levels(&self) -> LogLevels;

    /// Puts another one in force until the process ends, and logs that, and by whom.
    ///
    /// # Errors
    /// What is allowed, to go on behind "write".
    fn change(&self, level: &str, by: SocketAddr) -> Result<LogLevels, String>;
}

/// Levels of the log, as the setting has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevels {
    /// In force.
    pub now: String,
    /// In force at the start, and again after a restart.
    pub start: String,
}

/// Takes profiles of the process.
pub trait Profiler: Send + Sync {
    /// Where the processors' time goes, for that long.
    fn cpu(&self, time: Duration) -> BoxFuture<'static, Result<Profile, ProfileError>>;

    /// What is allocated within that time and not freed by its end.
    fn heap(&self, time: Duration) -> BoxFuture<'static, Result<Profile, ProfileError>>;
}

/// A profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its media type.
    pub media_type: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Why there is no profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileError {
    /// The setting that allows profiles is off; its name.
    Off(&'static str),
    /// Another one is being taken.
    Busy,
    /// This build or machine takes none of that kind; why.
    Unable(String),
}

/// All of it. What is not given is refused.
#[derive(Clone, Default)]
pub struct Controls {
    /// What /metrics shows.
    pub metrics: Option<Arc<dyn MetricsPage>>,
    /// The log.
    pub log: Option<Arc<dyn LogControl>>,
    /// The profiler.
    pub profiler: Option<Arc<dyn Profiler>>,
}

/// Where the controls will be: the pages are served before there are any.
#[derive(Clone, Default)]
pub(crate) struct Slot(Arc<OnceLock<Controls>>);

impl Slot {
    /// Puts them there. Only the first ones count.
    pub fn fill(&self, controls: Controls) {
        let _ = self.0.set(controls);
    }

    pub fn get(&self) -> Option<&Controls> {
        self.0.get()
    }
}
