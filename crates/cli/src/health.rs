//! `broker health`

use crate::{arguments::ServerArgument, exit, output};
use anyhow::Result;
use clap::Args;
use std::{io::Write, process::ExitCode};

/// The arguments of `broker health`.
#[derive(Debug, Args)]
pub struct HealthCommand {
    #[command(flatten)]
    server: ServerArgument,
}

/// Prints `serving` and ends with 0, or `not serving` and ends with 1.
pub async fn run(command: HealthCommand) -> Result<ExitCode> {
    let serving = command.server.connect().await?.is_serving().await?;
    let mut out = output::stdout();
    writeln!(out, "{}", if serving { "serving" } else { "not serving" })?;
    out.flush()?;
    Ok(if serving { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) })
}
