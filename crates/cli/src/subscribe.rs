//! `broker subscribe SUBJECT`

use crate::{
    arguments::ServerArgument,
    format::{Format, Printer},
    interrupt::Interrupt,
    output::{self, Output},
    time,
};
use anyhow::{Context, Result};
use broker_client::{Backoff, Delivery, Event, Start, SubscribeOptions, Subscription};
use clap::Args;
use futures_util::FutureExt;
use std::{
    io::{self, Write},
    num::NonZeroU64,
    process::ExitCode,
    time::Duration,
};

/// How long the last output may take after ctrl-c.
const FLUSH_TIME: Duration = Duration::from_secs(2);

const EXAMPLES: &str = "\
Examples:
  broker subscribe orders
  broker subscribe orders --count 10 --format json
  broker subscribe orders --after 42 --format raw > orders.txt";

/// The arguments of `broker subscribe`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
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
    /// When the connection is lost, try for that long to go on; 0s ends at once; without it, for ever
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    retry_for: Option<Duration>,
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
            Following::new(&command, subscription?).run(&mut interrupt).await
        }
    }
}

async fn subscribe(command: &SubscribeCommand) -> Result<Subscription> {
    let start = match command.after {
        Some(id) => Start::After(id),
        None if command.new => Start::New,
        None => Start::Retained,
    };
    let options = match command.retry_for {
        None => SubscribeOptions::new(),
        Some(Duration::ZERO) => SubscribeOptions::new().until_interrupted(),
        Some(limit) => SubscribeOptions::new().backoff(Backoff::default().limit(limit)),
    };
    let client = command.server.connect().await?;
    Ok(client.subscribe_with(&command.subject, start, options).await?)
}

/// A subscription that is being printed.
struct Following {
    subscription: Subscription,
    printer: Printer,
    format: Format,
    out: Output,
    left: u64,
}

impl Following {
    fn new(command: &SubscribeCommand, subscription: Subscription) -> Self {
        Self {
            subscription,
            printer: Printer::new(command.format, output::stdout_has_colours()),
            format: command.format,
            out: output::stdout(),
            left: command.count.map_or(u64::MAX, NonZeroU64::get),
        }
    }

    async fn run(mut self, interrupt: &mut Interrupt) -> Result<ExitCode> {
        while self.left > 0 && !interrupt.is_asked() {
            // What came in a burst is shown together, and at once.
            let next = match self.subscription.next_event().now_or_never() {
                Some(next) => next,
                None => {
                    self.out.flush()?;
                    tokio::select! {
                        () = interrupt.asked() => break,
                        next = self.subscription.next_event() => next,
                    }
                }
            };
            match next {
                None => break,
                Some(Ok(event)) => self.show(event)?,
                Some(Err(error)) => {
                    self.out.flush()?;
                    return Err(error).with_context(|| end(&self.subscription));
                }
            }
        }
        self.out.flush()?;
        Ok(ExitCode::SUCCESS)
    }

    fn show(&mut self, event: Event) -> io::Result<()> {
        match event {
            Event::Message(message) => self.print(&message),
            // Each further attempt that fails is no news.
            Event::Interrupted { error, attempt: 1, .. } => {
                self.note(&format!("{error}; trying again"))
            }
            Event::Resumed => {
                let id = self.subscription.position();
                self.note(&format!(
                    "connected again, going on after id {id}; what was delivered only meanwhile is lost"
                ))
            }
            Event::Discarded { id } => {
                self.note(&format!("message {id} came again and is left out"))
            }
            Event::Interrupted { .. } | _ => Ok(()),
        }
    }

    fn print(&mut self, message: &Delivery) -> io::Result<()> {
        self.left -= 1;
        // JSON says it in its field.
        if message.missed > 0 && self.format != Format::Json {
            self.note(&lost(message.missed))?;
        }
        self.printer.print(&mut self.out, message)
    }

    /// Says something in its place between the messages.
    fn note(&mut self, text: &str) -> io::Result<()> {
        self.out.flush()?;
        output::note(text);
        Ok(())
    }
}

fn lost(missed: u64) -> String {
    let messages = if missed == 1 { "message was" } else { "messages were" };
    format!("{missed} delivered-only {messages} lost here")
}

fn end(subscription: &Subscription) -> String {
    match subscription.position() {
        0 => "the subscription ended".to_owned(),
        id => format!("the subscription ended; go on with --after {id}"),
    }
}
