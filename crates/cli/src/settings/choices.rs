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
    /// In PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres,
    /// In Apache Cassandra or ScyllaDB.
    #[cfg(feature = "cassandra")]
    Cassandra,
}

impl StorageKind {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Local => "local",
            #[cfg(feature = "postgres")]
            Self::Postgres => "postgres",
            #[cfg(feature = "cassandra")]
            Self::Cassandra => "cassandra",
        }
    }

    /// The setting that keeps several brokers of one database apart, where it has one.
    pub const fn place(self) -> Option<&'static str> {
        match self {
            Self::Memory | Self::Local => None,
            #[cfg(feature = "postgres")]
            Self::Postgres => Some("postgres-schema"),
            #[cfg(feature = "cassandra")]
            Self::Cassandra => Some("cassandra-keyspace"),
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
    #[cfg(feature = "postgres")]
    Choice {
        name: StorageKind::Postgres.name(),
        help: "In PostgreSQL, 13 or newer",
        set: |settings| settings.storage = StorageKind::Postgres,
    },
    #[cfg(feature = "cassandra")]
    Choice {
        name: StorageKind::Cassandra.name(),
        help: "In Apache Cassandra, 4.1 or newer, or ScyllaDB",
        set: |settings| settings.storage = StorageKind::Cassandra,
    },
];

/// Stores that other builds have.
pub const ABSENT: &[&str] = &[
    #[cfg(not(feature = "postgres"))]
    "postgres",
    #[cfg(not(feature = "cassandra"))]
    "cassandra",
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

/// The values of `metrics`.
pub const METRICS: &[Choice] = &[
    Choice {
        name: "true",
        help: "What happens is counted, and shown for Prometheus",
        set: |settings| settings.has_metrics = true,
    },
    Choice {
        name: "false",
        help: "Nothing is counted, and there is no such page",
        set: |settings| settings.has_metrics = false,
    },
];

/// The values of `profiles`.
pub const PROFILES: &[Choice] = &[
    Choice {
        name: "false",
        help: "They are refused",
        set: |settings| settings.takes_profiles = false,
    },
    Choice {
        name: "true",
        help: "Whoever is on this machine may ask for one",
        set: |settings| settings.takes_profiles = true,
    },
];

/// The values of `trace-headers`.
pub const TRACE_HEADERS: &[Choice] = &[
    Choice {
        name: "false",
        help: "Headers are as their publisher made them",
        set: |settings| settings.traces.tells_subscribers = false,
    },
    Choice {
        name: "true",
        help: "A message whose publish is traced has a header traceparent",
        set: |settings| settings.traces.tells_subscribers = true,
    },
];

/// Why this build does not know a setting of that name, or that store.
pub fn absent(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix("broker_").unwrap_or(&name);
    let store = ABSENT.iter().find(|store| name.starts_with(*store))?;
    Some(format!("this build has no store `{store}`: it was made without the feature of that name"))
}
