//! The log: lines on standard error, for a person on a terminal and JSON otherwise.

use super::settings::{LogFormat, Settings};
use crate::output;
use anyhow::{Result, anyhow};
use std::io::{self, IsTerminal};
use tracing_subscriber::{EnvFilter, fmt};

/// Starts to log. Everything before this is lost.
pub fn start(settings: &Settings) -> Result<()> {
    let filter = filter(settings.log_level(), std::env::var("RUST_LOG").ok())?;
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

/// The setting is stronger than RUST_LOG.
fn filter(setting: Option<&str>, rust_log: Option<String>) -> Result<EnvFilter> {
    let (name, text) = match (setting, rust_log) {
        (Some(text), _) => ("--log-level", text.to_owned()),
        (None, Some(text)) => ("RUST_LOG", text),
        (None, None) => ("--log-level", "info".to_owned()),
    };
    EnvFilter::try_new(&text).map_err(|_| {
        anyhow!("{name} is `{text}`; write error, warn, info, debug, trace, or directives such as info,h2=debug")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_is_stronger_than_the_environment() {
        let filter = |setting, env: Option<&str>| {
            filter(setting, env.map(str::to_owned)).unwrap().to_string()
        };
        assert_eq!(filter(None, None), "info");
        assert_eq!(filter(None, Some("debug")), "debug");
        assert_eq!(filter(Some("warn"), Some("debug")), "warn");
    }

    #[test]
    fn a_wrong_level_is_one_sentence_with_what_is_allowed() {
        let error = filter(Some("info,=x=y"), None).unwrap_err().to_string();
        assert!(error.contains("--log-level") && error.contains("debug"), "{error}");
    }
}
