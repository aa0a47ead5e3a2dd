//! What is typed.

use crate::{
    bench::BenchCommand, fetch::FetchCommand, health::HealthCommand, publish::PublishCommand,
    serve::Settings, subscribe::SubscribeCommand,
};
use clap::{Args, Parser, Subcommand};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong usage
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
    Serve(Settings),
    /// Publish one message, or every line of standard input or a file
    Publish(PublishCommand),
    /// Print the messages of a subject as they come
    Subscribe(SubscribeCommand),
    /// Print one kept message
    Fetch(FetchCommand),
    /// Ask a broker whether it serves
    Health(HealthCommand),
    /// Measure a broker, and audit every message while it does
    Bench(Box<BenchCommand>),
}

/// Which broker to talk to.
#[derive(Debug, Args)]
pub struct ServerArgument {
    /// The broker's address
    #[arg(
        long,
        env = "BROKER_SERVER",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL",
        hide_env_values = true
    )]
    server: String,
}

impl ServerArgument {
    pub async fn connect(&self) -> Result<broker_client::Client, broker_client::Error> {
        broker_client::Client::connect(&self.server).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

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
