//! The log: lines on standard error, for a person on a terminal and JSON otherwise.
//!
//! Whoever logs never waits: lines go through a bounded queue, and what finds no room in it is counted
//! and told. Spans are for traces (another layer over the same registry): the log neither keeps nor shows
//! them, but for the ids of the one in which a line was written.

mod counts;
mod filter;
mod json;
mod panics;
mod queue;
mod stamp;
#[cfg(test)]
mod tests;
mod text;

pub use counts::LogCounts;
pub use filter::Level;

use super::tracer::{Tracer, current_ids};
use crate::{
    exit, output,
    settings::{LogFormat, Settings},
};
use anyhow::{Result, anyhow};
use broker_core::trace::TraceContext;
use filter::Lines;
use queue::{Entrance, Queue};
use std::{
    io::{self, IsTerminal},
    sync::Arc,
    time::Duration,
};
use tracing::error;
use tracing_subscriber::{Layer, Registry, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// How long an end waits for whoever reads the log.
const FLUSH: Duration = Duration::from_secs(1);

/// Tells the span that the calling thread is in, if that is one of a sampled trace.
type IdsOf = fn() -> Option<TraceContext>;

/// The log of this process.
#[derive(Clone)]
pub struct Log {
    queue: Arc<Queue>,
    level: Level,
    is_json: bool,
}

impl Log {
    /// Starts to log, and to take spans where there is a tracer. A line that is written inside a traced
    /// call has the ids of its span.
    ///
    /// # Errors
    /// A level that is none, or a log that was started before.
    pub fn start(settings: &Settings, tracer: Option<&Tracer>) -> Result<Self> {
        let ids: IdsOf = if tracer.is_some() { current_ids } else { || None };
        let counts = Arc::new(LogCounts::default());
        let queue = Queue::start(io::stderr(), counts)?;
        let (lines, level) = Lines::new(settings.log_level())?;
        let is_json = is_json(settings.log_format());
        let writing: Box<dyn Layer<Registry> + Send + Sync> = if is_json {
            let form = fmt::layer().event_format(json::Json::new(ids));
            Box::new(form.with_writer(Entrance(queue.clone())).with_filter(lines))
        } else {
            let has_colours = output::stderr_has_colours();
            let form = fmt::layer().event_format(text::Text::new(ids, has_colours));
            let form = form.with_ansi(has_colours);
            Box::new(form.with_writer(Entrance(queue.clone())).with_filter(lines))
        };
        // Another layer sees what this one filters out.
        let started = tracing_subscriber::registry().with(writing);
        let started = started.with(tracer.map(Tracer::layer)).try_init();
        started.map_err(|error| anyhow!("cannot start the log: {error}"))?;
        panics::log(queue.clone());
        Ok(Self { queue, level, is_json })
    }

    /// What is logged, to be changed while the broker runs.
    pub fn level(&self) -> Level {
        self.level.clone()
    }

    /// How much was logged.
    pub fn counts(&self) -> Arc<LogCounts> {
        self.queue.counts()
    }

    /// The last word of a broker that failed, in the log's own form; its exit code.
    pub fn fail(&self, error: &anyhow::Error) -> u8 {
        let (code, sentence) = exit::told(error);
        if self.is_json && tracing::enabled!(tracing::Level::ERROR) {
            error!("{sentence}");
        } else {
            self.queue.push_urgent(output::problem_line(&sentence).as_bytes());
        }
        code
    }

    /// Waits until all lines are written, or for a second: nobody may be reading them.
    pub fn flush(&self) {
        self.queue.flush(FLUSH);
    }
}

fn is_json(format: LogFormat) -> bool {
    match format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Json => true,
        LogFormat::Text => false,
    }
}
