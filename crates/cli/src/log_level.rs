//! `broker log-level [LEVEL]`

use crate::{admin::Levels, arguments::AdminArgument, output, visible};
use anyhow::Result;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::{io::Write, process::ExitCode};

/// The arguments of `broker log-level`.
#[derive(Debug, Args)]
pub struct LogLevelCommand {
    /// What is logged from now on, until the broker ends: off, error, warn, info, debug, trace, or
    /// directives such as info,h2=debug; without it, nothing is changed
    #[arg(value_name = "LEVEL")]
    level: Option<String>,
    /// How the levels are printed
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    format: Format,
    #[command(flatten)]
    admin: AdminArgument,
}

/// How the levels are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A sentence
    Text,
    /// A JSON object
    Json,
}

/// A call of `/v1/log-level`.
#[derive(Serialize)]
struct Wanted<'a> {
    level: Option<&'a str>,
}

/// Tells the level of a broker's log, or changes it.
pub async fn run(command: LogLevelCommand) -> Result<ExitCode> {
    let wanted = Wanted { level: command.level.as_deref() };
    let mut admin = command.admin.connect().await?;
    let levels: Levels = admin.call("/v1/log-level", &wanted).await?;
    let mut out = output::stdout();
    match command.format {
        Format::Json => {
            serde_json::to_writer(&mut out, &levels)?;
            out.write_all(b"\n")?;
        }
        Format::Text => {
            let (now, start) = (visible::text(&levels.level), visible::text(&levels.start));
            match now == start {
                true => writeln!(out, "{now}, as at the start")?,
                false => writeln!(out, "{now} until a restart, and then {start}")?,
            }
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
