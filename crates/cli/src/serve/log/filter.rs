//! What is logged, and changing that while the broker runs.

use crate::settings;
use anyhow::{Result, anyhow};
use broker_core::trace::TARGET;
use broker_server::{LogControl, LogLevels};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tracing::{Metadata, info, level_filters::LevelFilter, subscriber::Interest};
use tracing_subscriber::{
    EnvFilter, Registry,
    layer::{Context, Filter},
    reload,
};

/// Lets events pass by their level and module, and no span: spans are not the log's.
pub struct Lines {
    directives: reload::Layer<EnvFilter, Registry>,
}

/// The level of the log, which can be changed. Cheap to clone; all clones speak of one log.
#[derive(Clone)]
pub struct Level(Arc<Inner>);

struct Inner {
    handle: reload::Handle<EnvFilter, Registry>,
    start: String,
    now: Mutex<String>,
}

impl Lines {
    /// With these directives, and what changes them.
    ///
    /// # Errors
    /// The text is no list of directives.
    pub fn new(directives: &str) -> Result<(Self, Level)> {
        let filter = parse(directives).ok_or_else(|| anyhow!("no log level: {directives}"))?;
        let (layer, handle) = reload::Layer::new(filter);
        let (start, now) = (directives.to_owned(), Mutex::new(directives.to_owned()));
        Ok((Self { directives: layer }, Level(Arc::new(Inner { handle, start, now }))))
    }
}

impl Filter<Registry> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, Registry>) -> bool {
        !is_of_traces(metadata) && self.directives.enabled(metadata, context)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_of_traces(metadata) {
            return Interest::never();
        }
        Filter::<Registry>::callsite_enabled(&self.directives, metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Filter::<Registry>::max_level_hint(&self.directives)
    }
}

/// Spans, and what is noted at them.
fn is_of_traces(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() || metadata.target() == TARGET
}

impl Level {
    /// The directives of the start.
    pub fn start(&self) -> &str {
        &self.0.start
    }

    /// The directives in force.
    pub fn now(&self) -> String {
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts directives in force until the process ends. `told` says so in the log, under whichever of the
    /// two levels shows more.
    ///
    /// # Errors
    /// What is allowed, to go on behind "write".
    pub fn put(&self, directives: &str, told: impl Fn(&str)) -> Result<(), String> {
        let filter = parse(directives).ok_or_else(|| settings::LOG_LEVELS.to_owned())?;
        let mut now = self.0.now.lock().unwrap_or_else(PoisonError::into_inner);
        let is_shown = tracing::enabled!(tracing::Level::INFO);
        if is_shown {
            told(&now);
        }
        // The log lives as long as the process.
        self.0.handle.reload(filter).map_err(|error| error.to_string())?;
        if !is_shown {
            told(&now);
        }
        directives.clone_into(&mut now);
        Ok(())
    }
}

impl LogControl for Level {
    fn levels(&self) -> LogLevels {
        LogLevels { now: self.now(), start: self.start().to_owned() }
    }

    fn change(&self, level: &str, by: SocketAddr) -> Result<LogLevels, String> {
        self.put(level, |from| info!(from, to = level, %by, "the log's level was changed"))?;
        Ok(self.levels())
    }
}

fn parse(directives: &str) -> Option<EnvFilter> {
    settings::is_log_level(directives).then(|| EnvFilter::try_new(directives).ok())?
}
