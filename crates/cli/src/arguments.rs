//! What is typed.

use crate::{
    admin::Admin,
    bench::BenchCommand,
    completions::CompletionsCommand,
    config::ConfigCommand,
    copy::CopyCommand,
    doctor::DoctorCommand,
    fetch::FetchCommand,
    health::HealthCommand,
    log_level::LogLevelCommand,
    profile::ProfileCommand,
    publish::PublishCommand,
    purge::PurgeCommand,
    settings::{self, ServeArguments},
    subjects::SubjectsCommand,
    subscribe::SubscribeCommand,
};
use clap::{Args, CommandFactory, Parser, Subcommand};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong usage or settings
  3  the broker cannot be reached, is closing or overloaded; surely nothing was stored: try again
  4  the message was never published, has expired or was purged; the subject was never used
  5  a message may be stored or not; sent again it may be stored twice (a purge: done or not)
  130  interrupted";

/// A message broker, and a client for it.
#[derive(Debug, Parser)]
#[command(name = "broker", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run a broker until SIGTERM or ctrl-c
    Serve(ServeArguments),
    /// Print the settings that `serve` would have, and where each comes from
    Config(ConfigCommand),
    /// Publish one message, or every line of standard input or a file
    Publish(PublishCommand),
    /// Print the messages of a subject as they come
    Subscribe(SubscribeCommand),
    /// Print one kept message
    Fetch(FetchCommand),
    /// Ask a broker whether it serves
    Health(HealthCommand),
    /// List subjects with what is kept of them
    Subjects(SubjectsCommand),
    /// Remove kept messages of a subject
    Purge(PurgeCommand),
    /// Tell or change what a running broker logs
    LogLevel(LogLevelCommand),
    /// Take a profile of a running broker that allows it
    Profile(ProfileCommand),
    /// Look at settings, machine and store, and say what stands against a broker and what to do
    Doctor(DoctorCommand),
    /// Copy every subject from one store to another, while no broker runs
    Copy(CopyCommand),
    /// Print a script that completes `broker` in a shell
    Completions(CompletionsCommand),
    /// Measure a broker, and audit every message while it does
    Bench(Box<BenchCommand>),
}

/// Names the broker that the client verbs talk to.
const SERVER: &str = "BROKER_SERVER";
const DEFAULT_SERVER: &str = "http://127.0.0.1:8080";

/// Names the admin port that the operator's verbs talk to.
const ADMIN: &str = "BROKER_ADMIN";
const DEFAULT_ADMIN: &str = "http://127.0.0.1:9901";

/// Which broker to talk to.
#[derive(Debug, Args)]
pub struct ServerArgument {
    /// The broker's address [default: http://127.0.0.1:8080]
    #[arg(long, env = SERVER, value_name = "URL", hide_env_values = true)]
    server: Option<String>,
}

impl ServerArgument {
    pub async fn connect(&self) -> anyhow::Result<broker_client::Client> {
        let url = url(self.server.as_deref(), SERVER, DEFAULT_SERVER)?;
        Ok(broker_client::Client::connect(&url).await?)
    }
}

/// Which admin port to talk to.
#[derive(Debug, Args)]
pub struct AdminArgument {
    /// The address of the broker's admin port [default: http://127.0.0.1:9901]
    #[arg(long, env = ADMIN, value_name = "URL", hide_env_values = true)]
    admin: Option<String>,
}

impl AdminArgument {
    pub async fn connect(&self) -> anyhow::Result<Admin> {
        Ok(Admin::connect(&url(self.admin.as_deref(), ADMIN, DEFAULT_ADMIN)?).await?)
    }
}

/// What was given, or what `.env` names, or the default. An empty variable is none, and `.env` is read
/// only if nothing stronger names a broker.
fn url(given: Option<&str>, variable: &str, default: &str) -> Result<String, settings::Wrong> {
    let named = match given.filter(|url| !url.is_empty()) {
        Some(url) => Some(url.to_owned()),
        None => settings::of_client(variable)?,
    };
    Ok(named.unwrap_or_else(|| default.to_owned()))
}

/// The environment variables of all verbs.
pub fn variables() -> Vec<String> {
    let command = Arguments::command();
    let arguments = command.get_subcommands().flat_map(|verb| verb.get_arguments());
    let variables = arguments.filter_map(|argument| argument.get_env()?.to_str());
    variables.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_argument_is_explained() {
        for verb in Arguments::command().get_subcommands() {
            for argument in verb.get_arguments() {
                assert!(argument.get_help().is_some(), "{} of {}", argument, verb.get_name());
            }
        }
    }
}
