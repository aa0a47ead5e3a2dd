//! `broker subscribe SUBJECT`

use crate::{
    arguments::ServerArgument,
    format::{self, Format},
    interrupt::Interrupt,
    output::{self, Output},
};
use anyhow::{Context, Result};
use broker_client::{Delivery, Start, Subscription};
use clap::Args;
use futures_util::{FutureExt, StreamExt};
use std::{io::Write, num::NonZeroU64, process::ExitCode, time::Duration};

/// How long the last output may take after ctrl-c.
const FLUSH_TIME: Duration = Duration::from_secs(2);

/// The arguments of `broker subscribe`.
#[derive(Debug, Args)]
pub struct SubscribeCommand {
    /// The subject, 1 to 255 bytes
    subject: String,
    /// Begin with what is new instead of with everything that is kept
    #[arg(long, conflicts_with = "after")]
    new: bool,
    /// Begin with what is kept above this id
    #[arg(long, value_name = "ID")]
    after: Option<u64>,
    /// End after that many messages
    #[arg(long, value_name = "N")]
    count: Option<NonZeroU64>,
    /// How messages are printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    server: ServerArgument,
}

/// Prints the messages of a subject as they come, until ctrl-c.
pub async fn run(command: SubscribeCommand) -> Result<ExitCode> {
    let mut interrupt = Interrupt::listen(FLUSH_TIME)?;
    tokio::select! {
        () = interrupt.asked() => Ok(ExitCode::SUCCESS),
        subscription = subscribe(&command) => {
            print_all(subscription?, &command, &mut interrupt).await
        }
    }
}

async fn subscribe(command: &SubscribeCommand) -> Result<Subscription> {
    let start = match command.after {
        Some(id) => Start::After(id),
        None if command.new => Start::New,
        None => Start::Retained,
    };
    Ok(command.server.connect().await?.subscribe(&command.subject, start).await?)
}

async fn print_all(
    mut subscription: Subscription,
    command: &SubscribeCommand,
    interrupt: &mut Interrupt,
) -> Result<ExitCode> {
    let mut out = output::stdout();
    let mut left = command.count.map_or(u64::MAX, NonZeroU64::get);
    while left > 0 {
        // What came in a burst is shown together, and at once.
        let next = match subscription.next().now_or_never() {
            Some(next) => next,
            None => {
                out.flush()?;
                tokio::select! {
                    () = interrupt.asked() => break,
                    next = subscription.next() => next,
                }
            }
        };
        let Some(message) = next else { break };
        match message {
            Ok(message) => print(&mut out, &message, command.format)?,
            Err(error) => {
                out.flush()?;
                return Err(error).with_context(|| end(&subscription));
            }
        }
        left -= 1;
        if interrupt.is_asked() {
            break;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn print(out: &mut Output, message: &Delivery, format: Format) -> Result<()> {
    // JSON says it in its field.
    if message.missed > 0 && format != Format::Json {
        out.flush()?;
        output::note(&format!("{} delivered-only messages were lost here", message.missed));
    }
    Ok(format::write(out, message, format)?)
}

fn end(subscription: &Subscription) -> String {
    match subscription.position() {
        0 => "the subscription ended".to_owned(),
        id => format!("the subscription ended; go on with --after {id}"),
    }
}
