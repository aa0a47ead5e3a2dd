//! The log: lines on standard error, for a person on a terminal and JSON otherwise.

use crate::{
    output,
    settings::{LogFormat, Settings},
};
use anyhow::{Result, anyhow};
use std::io::{self, IsTerminal};
use tracing_subscriber::{EnvFilter, fmt};

/// Starts to log. Everything before this is lost.
pub fn start(settings: &Settings) -> Result<()> {
    let filter = EnvFilter::try_new(settings.log_level())?;
    let lines = fmt().with_env_filter(filter).with_writer(io::stderr).with_target(false);
    let started = if as_json(settings.log_format()) {
        lines.json().flatten_event(true).with_current_span(false).try_init()
    } else {
        lines.with_ansi(output::stderr_has_colours()).try_init()
    };
    started.map_err(|error| anyhow!("cannot start the log: {error}"))
}

fn as_json(format: LogFormat) -> bool {
    match format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Json => true,
        LogFormat::Text => false,
    }
}
