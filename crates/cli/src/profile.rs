//! `broker profile cpu|heap`

use crate::{arguments::AdminArgument, output};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::{fs, path::PathBuf, process::ExitCode, time::Duration};

/// What a broker needs beside the time of the profile: it finds the names of functions.
const MORE: Duration = Duration::from_secs(60);

/// The arguments of `broker profile`.
#[derive(Debug, Args)]
pub struct ProfileCommand {
    /// What is looked at
    #[arg(value_enum)]
    kind: Kind,
    /// For how long, from 1 to 60 seconds
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u8).range(1..=60))]
    seconds: u8,
    /// Where the profile is written
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    admin: AdminArgument,
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Where the processors' time goes: an SVG image, for a browser
    Cpu,
    /// What is allocated meanwhile and not freed: a profile for `go tool pprof` and its like
    Heap,
}

/// A call of `/v1/profile/cpu` or `/v1/profile/heap`.
#[derive(Serialize)]
struct Wanted {
    seconds: u8,
}

/// Takes a profile of a running broker.
pub async fn run(command: ProfileCommand) -> Result<ExitCode> {
    let path = match command.kind {
        Kind::Cpu => "/v1/profile/cpu",
        Kind::Heap => "/v1/profile/heap",
    };
    let mut admin = command.admin.connect().await?;
    let wanted = Wanted { seconds: command.seconds };
    let limit = Duration::from_secs(command.seconds.into()) + MORE;
    let profile = admin.download(path, &wanted, limit).await?;
    let shown = command.out.display();
    fs::write(&command.out, &profile).with_context(|| format!("{shown} cannot be written"))?;
    output::note(&format!("{} bytes are in {shown}", profile.len()));
    Ok(ExitCode::SUCCESS)
}
