//! What is typed.

use crate::{
    config::ConfigCommand,
    fetch::FetchCommand,
    health::HealthCommand,
    publish::PublishCommand,
    settings::{self, ServeArguments},
    subscribe::SubscribeCommand,
};
use clap::{Args, CommandFactory, Parser, Subcommand};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong usage or settings
  3  the broker cannot be reached, is closing or overloaded; surely nothing was stored: try again
  4  the message was never published, has expired or was purged
  5  a message may be stored or not; sent again it may be stored twice
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
}

/// Names the broker that the client verbs talk to.
const SERVER: &str = "BROKER_SERVER";
const DEFAULT_SERVER: &str = "http://127.0.0.1:8080";

/// Which broker to talk to.
#[derive(Debug, Args)]
pub struct ServerArgument {
    /// The broker's address [default: http://127.0.0.1:8080]
    #[arg(long, env = SERVER, value_name = "URL", hide_env_values = true)]
    server: Option<String>,
}

impl ServerArgument {
    pub async fn connect(&self) -> anyhow::Result<broker_client::Client> {
        Ok(broker_client::Client::connect(&self.url()?).await?)
    }

    /// An empty variable is none; `.env` is read only if nothing stronger names a broker.
    fn url(&self) -> Result<String, settings::Wrong> {
        let named = self.server.clone().filter(|server| !server.is_empty());
        let named =
            named.map_or_else(|| settings::client_server(SERVER), |server| Ok(Some(server)))?;
        Ok(named.unwrap_or_else(|| DEFAULT_SERVER.to_owned()))
    }
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
