//! `broker log-level [LEVEL]`

use crate::{
    admin::Levels,
    answer::{self, Format},
    arguments::AdminArgument,
    visible,
};
use anyhow::Result;
use clap::Args;
use serde::Serialize;
use std::process::ExitCode;

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
    answer::tell(&levels, &words(&levels), command.format)?;
    Ok(ExitCode::SUCCESS)
}

fn words(levels: &Levels) -> String {
    let (now, start) = (visible::text(&levels.level), visible::text(&levels.start));
    if now == start {
        format!("{now}, as at the start")
    } else {
        format!("{now} until a restart, and then {start}")
    }
}
