//! The settings of `broker serve`, each a flag and an environment variable.

use super::size;
use broker_core::Limits;
use broker_server::{ServerConfig, ServerLimits};
use broker_storage::{LocalConfig, MemoryConfig, StorageConfig};
use clap::{Args, ValueEnum};
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// The arguments of `broker serve`.
#[derive(Debug, Args)]
pub struct Settings {
    /// Where messages rest
    #[arg(long, env = "BROKER_STORAGE", value_enum, default_value = "local", value_name = "KIND")]
    storage: StorageKind,
    /// The directory of the local store, made if it is not there
    #[arg(long, env = "BROKER_DATA_DIR", default_value = "./broker-data", value_name = "DIR")]
    data_dir: PathBuf,
    /// Most bytes the store may take, such as 10GiB; without it 128MiB in memory, and on disk what
    /// the disk has; at the limit messages are refused and what is stored stays
    #[arg(long, env = "BROKER_MAX_STORE_SIZE", value_parser = size::parse, value_name = "SIZE")]
    max_store_size: Option<u64>,
    /// Free space left on the disk for giving space back; without it 5 % of the disk, at most 1GiB
    #[arg(long, env = "BROKER_DISK_RESERVE", value_parser = size::parse, value_name = "SIZE")]
    disk_reserve: Option<u64>,
    /// The size at which a file of the local store is full, from 64KiB to 1GiB
    #[arg(
        long,
        env = "BROKER_SEGMENT_SIZE",
        default_value = "64MiB",
        value_parser = size::parse,
        value_name = "SIZE"
    )]
    segment_size: u64,
    /// Where gRPC is served; port 0 takes a free one and logs it
    #[arg(long, env = "BROKER_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where the admin pages /livez, /healthz and /readyz are served
    #[arg(
        long,
        env = "BROKER_ADMIN_LISTEN",
        default_value = "127.0.0.1:9901",
        value_name = "ADDRESS"
    )]
    admin_listen: SocketAddr,
    /// An origin whose web pages may call the broker, such as `https://app.example`; may be
    /// given again, in the environment separated by commas; none by default
    #[arg(long, env = "BROKER_WEB_ORIGIN", value_delimiter = ',', value_name = "ORIGIN")]
    web_origin: Vec<String>,
    /// Longest time from SIGTERM or ctrl-c to the end
    #[arg(
        long,
        env = "BROKER_GRACE",
        default_value = "30s",
        value_parser = humantime::parse_duration,
        value_name = "TIME"
    )]
    grace: Duration,
    /// How long a publisher waits for the store's word before it hears that the outcome is unknown
    #[arg(
        long,
        env = "BROKER_OUTCOME_TIMEOUT",
        default_value = "10s",
        value_parser = humantime::parse_duration,
        value_name = "TIME"
    )]
    outcome_timeout: Duration,
    /// Connections at once; a further one is closed
    #[arg(long, env = "BROKER_MAX_CONNECTIONS", default_value_t = 4096, value_name = "N")]
    max_connections: usize,
    /// Subscriptions at once; a further one is refused
    #[arg(long, env = "BROKER_MAX_SUBSCRIPTIONS", default_value_t = 10_000, value_name = "N")]
    max_subscriptions: usize,
    /// What is logged: error, warn, info, debug, trace, or directives such as info,h2=debug; stronger
    /// than RUST_LOG, info without both
    #[arg(long, env = "BROKER_LOG_LEVEL", value_name = "LEVEL")]
    log_level: Option<String>,
    /// How the log on standard error is written
    #[arg(
        long,
        env = "BROKER_LOG_FORMAT",
        value_enum,
        default_value = "auto",
        value_name = "FORMAT"
    )]
    log_format: LogFormat,
}

/// The kinds of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StorageKind {
    /// In the process's memory: gone when it ends
    Memory,
    /// On the local disk
    Local,
}

/// The forms of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise
    Auto,
    /// One JSON object a line
    Json,
    /// For persons
    Text,
}

impl StorageKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Local => "local",
        }
    }
}

impl Settings {
    pub fn storage(&self) -> StorageKind {
        self.storage
    }

    pub fn grace(&self) -> Duration {
        self.grace
    }

    pub fn log_level(&self) -> Option<&str> {
        self.log_level.as_deref()
    }

    pub fn log_format(&self) -> LogFormat {
        self.log_format
    }

    /// What the store is told.
    pub fn store(&self) -> StorageConfig {
        match self.storage {
            StorageKind::Memory => StorageConfig::Memory(self.memory()),
            StorageKind::Local => StorageConfig::Local(LocalConfig {
                segment_bytes: self.segment_size,
                reserve_bytes: self.disk_reserve,
                max_bytes: self.max_store_size,
                ..LocalConfig::new(&self.data_dir)
            }),
        }
    }

    fn memory(&self) -> MemoryConfig {
        let mut memory = MemoryConfig::default();
        if let Some(size) = self.max_store_size {
            memory.max_bytes = usize::try_from(size).unwrap_or(usize::MAX);
        }
        memory
    }

    /// What the core is told.
    pub fn limits(&self) -> Limits {
        Limits {
            outcome_timeout: self.outcome_timeout,
            subscriptions: self.max_subscriptions,
            ..Limits::default()
        }
    }

    /// What the door is told.
    pub fn server(&self) -> ServerConfig {
        ServerConfig {
            listen: self.listen,
            admin_listen: self.admin_listen,
            web_origins: self.web_origin.clone(),
            grace: self.grace,
            limits: ServerLimits { connections: self.max_connections, ..ServerLimits::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Arguments;
    use clap::{Command, CommandFactory, FromArgMatches, Parser};

    fn serve() -> Command {
        Arguments::command().find_subcommand("serve").cloned().unwrap()
    }

    #[derive(Parser)]
    struct Serve {
        #[command(flatten)]
        settings: Settings,
    }

    fn settings(arguments: &[&str]) -> Settings {
        // Without the environment of whoever runs the tests.
        let command = Serve::command().mut_args(|argument| argument.env(None::<&str>));
        let matches = command.get_matches_from([&["serve"], arguments].concat());
        Serve::from_arg_matches(&matches).unwrap().settings
    }

    #[test]
    fn every_setting_has_an_environment_variable_of_its_name() {
        for argument in serve().get_arguments() {
            let Some(flag) = argument.get_long().filter(|flag| *flag != "help") else { continue };
            let variable = format!("BROKER_{}", flag.replace('-', "_").to_uppercase());
            let found = argument.get_env().and_then(|variable| variable.to_str());
            assert_eq!(found, Some(variable.as_str()), "--{flag}");
        }
    }

    #[test]
    fn the_defaults_of_the_limits_are_those_of_core_and_door() {
        let settings = settings(&[]);
        assert_eq!(settings.limits(), Limits::default());
        assert_eq!(settings.server().limits, ServerLimits::default());
        let StorageConfig::Local(store) = settings.store() else { panic!("not on disk") };
        let LocalConfig { segment_bytes, reserve_bytes, max_bytes, .. } = LocalConfig::new("");
        assert_eq!(store.segment_bytes, segment_bytes);
        assert_eq!((store.reserve_bytes, store.max_bytes), (reserve_bytes, max_bytes));
        assert!(settings.listen.ip().is_loopback() && settings.admin_listen.ip().is_loopback());
    }

    #[test]
    fn origins_are_separated_by_commas_or_given_again() {
        let settings =
            settings(&["--web-origin", "https://a,https://b", "--web-origin", "http://c"]);
        assert_eq!(settings.web_origin, ["https://a", "https://b", "http://c"]);
    }

    /// docs/configuration.md names every setting with its variable and default.
    #[test]
    fn the_documentation_names_every_setting() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let page = std::fs::read_to_string(page).unwrap();
        for argument in serve().get_arguments() {
            let Some(flag) = argument.get_long().filter(|flag| *flag != "help") else { continue };
            let row = page.lines().find(|line| line.starts_with(&format!("| `--{flag}` ")));
            let row = row.unwrap_or_else(|| panic!("--{flag} is not in docs/configuration.md"));
            let variable = argument.get_env().unwrap().to_str().unwrap();
            assert!(row.contains(&format!("`{variable}`")), "{row}");
            for default in argument.get_default_values() {
                assert!(row.contains(&format!("`{}`", default.to_str().unwrap())), "{row}");
            }
        }
    }
}
