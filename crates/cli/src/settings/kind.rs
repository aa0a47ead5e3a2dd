//! What values a setting has, and where they go.

use super::{choices::Choice, size, values::Settings};
use crate::time;
use std::{ffi::OsStr, net::SocketAddr, path::PathBuf, time::Duration};

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
    /// A text of a form of its own; `None` if it is not of that form.
    Text(&'static Form, fn(&mut Settings, &str) -> Option<()>),
    /// Several of them, separated by commas; an empty text is none at all.
    List(&'static Form, fn(&mut Settings, &[&str]) -> Option<()>),
}

/// How texts of a form are spoken of.
pub struct Form {
    /// What is allowed, to go on behind "write".
    pub allowed: &'static str,
    /// What stands for a value in `--help`.
    pub placeholder: &'static str,
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
            Self::Text(_, set) => set(to, text?)?,
            Self::List(_, set) => set(to, &parts(text?))?,
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
            | Self::Text(..)
            | Self::List(..) => return None,
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
            Self::Text(form, _) => form.allowed.into(),
            Self::List(form, _) => format!("{}, separated by commas", form.allowed),
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
            Self::Text(form, _) | Self::List(form, _) => form.placeholder,
        }
    }
}

/// A sign is no part of a count.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// No text at all is no part.
fn parts(text: &str) -> Vec<&str> {
    if text.is_empty() { Vec::new() } else { text.split(',').map(str::trim).collect() }
}
