//! What values a setting has, and where they go.

use super::{choices::Choice, size, values::Settings};
use crate::time;
use std::{ffi::OsStr, net::SocketAddr, path::PathBuf, time::Duration};
use tracing_subscriber::EnvFilter;

/// The kind of a setting's values, with what takes a value.
#[derive(Clone, Copy)]
pub enum Kind {
    /// One of a few words.
    Choice(&'static [Choice]),
    /// A path, of any bytes.
    Path(fn(&mut Settings, PathBuf)),
    /// An IP address and a port.
    Address(fn(&mut Settings, SocketAddr)),
    /// Bytes.
    Size(Range<u64>, fn(&mut Settings, u64)),
    /// A whole number.
    Count(Range<u64>, fn(&mut Settings, u64)),
    /// A length of time, in whole nanoseconds.
    Time(Range<Duration>, fn(&mut Settings, Duration)),
    /// Origins of web pages, separated by commas.
    Origins(fn(&mut Settings, Vec<String>)),
    /// Directives of the log.
    LogLevel(fn(&mut Settings, String)),
}

/// From the first to the second, both included.
#[derive(Clone, Copy)]
pub struct Range<T>(pub T, pub T);

impl<T: PartialOrd> Range<T> {
    fn check(&self, value: T) -> Option<T> {
        (self.0 <= value && value <= self.1).then_some(value)
    }
}

impl Kind {
    /// Sets a value, or does nothing and answers `None` if it is not allowed.
    pub fn set(&self, value: &OsStr, to: &mut Settings) -> Option<()> {
        let text = value.to_str();
        match self {
            Self::Choice(choices) => {
                (choices.iter().find(|choice| Some(choice.name) == text)?.set)(to);
            }
            Self::Path(_) if value.is_empty() => return None,
            Self::Path(set) => set(to, value.into()),
            Self::Address(set) => set(to, text?.parse().ok()?),
            Self::Size(range, set) => set(to, range.check(size::parse(text?)?)?),
            Self::Count(range, set) => set(to, range.check(digits(text?)?)?),
            Self::Time(range, set) => {
                set(to, range.check(time::parse(text?).ok()?)?);
            }
            Self::Origins(set) => set(to, origins(text?)?),
            Self::LogLevel(set) => set(to, log_level(text?)?),
        }
        Some(())
    }

    /// What is allowed, to go on behind "write".
    pub fn allowed(&self) -> String {
        match self.range() {
            Some(range) => format!("{}, {range}", self.form()),
            None => self.form(),
        }
    }

    /// The bounds of a value, if it has some.
    pub fn range(&self) -> Option<String> {
        let (least, most) = match self {
            Self::Size(Range(_, u64::MAX), _) => return None,
            Self::Size(Range(least, most), _) => (size::show(*least), size::show(*most)),
            Self::Count(Range(least, most), _) => (least.to_string(), most.to_string()),
            Self::Time(Range(least, most), _) => (
                humantime::format_duration(*least).to_string(),
                humantime::format_duration(*most).to_string(),
            ),
            Self::Choice(_)
            | Self::Path(_)
            | Self::Address(_)
            | Self::Origins(_)
            | Self::LogLevel(_) => return None,
        };
        Some(format!("from {least} to {most}"))
    }

    fn form(&self) -> String {
        match self {
            Self::Choice(choices) => {
                let names: Vec<_> = choices.iter().map(|choice| choice.name).collect();
                match names.split_last() {
                    Some((last, rest)) if !rest.is_empty() => {
                        format!("{} or {last}", rest.join(", "))
                    }
                    _ => names.concat(),
                }
            }
            Self::Path(_) => "a path".into(),
            Self::Address(_) => {
                "an IP address and a port such as 127.0.0.1:8080 or [::1]:8080".into()
            }
            Self::Size(..) => "a size such as 64MiB, 2GB or 1000 (bytes)".into(),
            Self::Count(..) => "a whole number".into(),
            Self::Time(..) => "a time such as 30s, 1m 30s or 250ms".into(),
            Self::Origins(_) => "origins as browsers send them, such as https://app.example or \
                 http://localhost:3000, separated by commas"
                .into(),
            Self::LogLevel(_) => {
                "off, error, warn, info, debug, trace, or directives such as info,h2=debug".into()
            }
        }
    }

    /// What stands for a value in `--help`.
    pub fn placeholder(&self) -> &'static str {
        match self {
            Self::Choice(_) => "KIND",
            Self::Path(_) => "PATH",
            Self::Address(_) => "ADDRESS",
            Self::Size(..) => "SIZE",
            Self::Count(..) => "N",
            Self::Time(..) => "TIME",
            Self::Origins(_) => "ORIGIN",
            Self::LogLevel(_) => "LEVEL",
        }
    }
}

/// A sign is no part of a count.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// No text at all is no origin.
fn origins(text: &str) -> Option<Vec<String>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let origins = text.split(',').map(str::trim);
    origins.map(|text| broker_server::is_origin(text).then(|| text.to_owned())).collect()
}

/// A word that is no level would be the name of a module, of which alone is logged then.
fn log_level(text: &str) -> Option<String> {
    const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];
    let is_level = |word: &str| LEVELS.contains(&word.trim().to_ascii_lowercase().as_str());
    let is_known = |part: &str| part.contains(['=', '[']) || is_level(part);
    let is_allowed = text.split(',').all(is_known) && EnvFilter::try_new(text).is_ok();
    is_allowed.then(|| text.to_owned())
}
