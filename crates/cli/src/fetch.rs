//! `broker fetch SUBJECT ID`

use crate::{
    arguments::ServerArgument,
    format::{Format, Printer},
    output,
};
use anyhow::{Context, Result};
use clap::Args;
use std::{io::Write, process::ExitCode};

/// The arguments of `broker fetch`.
#[derive(Debug, Args)]
pub struct FetchCommand {
    /// The message's subject
    subject: String,
    /// The message's id within its subject
    id: u64,
    /// How the message is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    server: ServerArgument,
}

/// Prints one kept message.
pub async fn run(command: FetchCommand) -> Result<ExitCode> {
    let client = command.server.connect().await?;
    let message = client.fetch(&command.subject, command.id).await;
    let message = message.with_context(|| format!("message {}", command.id))?;
    let mut out = output::stdout();
    Printer::new(command.format, output::stdout_has_colours()).print(&mut out, &message)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
