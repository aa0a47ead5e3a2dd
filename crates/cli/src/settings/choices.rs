//! Settings with a few values.

use super::values::Settings;

/// A value that a setting may have.
pub struct Choice {
    /// As it is written.
    pub name: &'static str,
    /// What it means, for `--help`.
    pub help: &'static str,
    /// Chooses it.
    pub set: fn(&mut Settings),
}

/// The kinds of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum StorageKind {
    /// In the process's memory.
    Memory,
    /// On the local disk.
    Local,
}

impl StorageKind {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Local => "local",
        }
    }
}

/// The forms of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// One JSON object a line.
    Json,
    /// For persons.
    Text,
}

/// The values of `storage`.
pub const STORAGE: &[Choice] = &[
    Choice {
        name: StorageKind::Memory.name(),
        help: "In the process's memory, gone when it ends",
        set: |settings| settings.storage = StorageKind::Memory,
    },
    Choice {
        name: StorageKind::Local.name(),
        help: "On the local disk",
        set: |settings| settings.storage = StorageKind::Local,
    },
];

/// The values of `log-format`.
pub const LOG_FORMAT: &[Choice] = &[
    Choice {
        name: "auto",
        help: "Text on a terminal, JSON otherwise",
        set: |settings| settings.log_format = LogFormat::Auto,
    },
    Choice {
        name: "json",
        help: "One JSON object a line",
        set: |settings| settings.log_format = LogFormat::Json,
    },
    Choice {
        name: "text",
        help: "For persons",
        set: |settings| settings.log_format = LogFormat::Text,
    },
];
