//! `broker copy`: from one store to another, without a broker.

mod appending;
mod comparing;
mod cursor;
mod ends;
mod opening;
mod outcome;
mod patience;
mod progress;
mod subject;
#[cfg(test)]
mod tests;

use crate::{
    exit,
    listing::{Format, Lines},
    output,
    settings::{Settings, Side},
    time,
};
use anyhow::{Context, Result};
use clap::Args;
use ends::{Ends, walk};
use outcome::{Copied, Summary};
use patience::{Patience, Stopped};
use progress::Progress;
use std::{ffi::OsString, io, process::ExitCode, time::Duration};
use tokio::signal::unix::{SignalKind, signal};

const EXAMPLES: &str = "\
Examples:
  broker copy --from local --to postgres
  broker copy --from local --from-set data-dir=./old --to local --to-set data-dir=./new
  broker copy --from postgres --from-set postgres-host=db --to cassandra

Both brokers must be stopped. What is not set here is as for `broker serve`: the environment,
.env and the TOML file. It may be interrupted at any moment and run again: what is there already
is compared, and the copy goes on behind it.

Exit code 1: something could not be copied, or the target has other messages.";

/// The arguments of `broker copy`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CopyCommand {
    /// The store that is copied: local, postgres or cassandra
    #[arg(long, value_name = "STORE")]
    from: OsString,
    /// A setting of that store, such as data-dir=./old; may be given again
    #[arg(long, value_name = "NAME=VALUE")]
    from_set: Vec<OsString>,
    /// The store that it is copied to
    #[arg(long, value_name = "STORE")]
    to: OsString,
    /// A setting of that store
    #[arg(long, value_name = "NAME=VALUE")]
    to_set: Vec<OsString>,
    /// How long to wait for a store that another broker owns or that cannot be reached
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = time::parse)]
    wait: Duration,
    /// How the copied subjects are printed, as `broker subjects` does
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Copies every subject, prints what the target keeps of each, and ends with 1 if anything is missing.
pub async fn run(command: CopyCommand) -> Result<ExitCode> {
    let from = Side { flag: "from", storage: &command.from, set: &command.from_set }.read()?;
    let to = Side { flag: "to", storage: &command.to, set: &command.to_set }.read()?;
    let patience = Patience::new(command.wait);
    listen(patience.clone())?;
    match whole(&from.settings, &to.settings, &patience, command.format).await {
        Ok(summary) => Ok(summary.conclude()),
        Err(error) if error.is::<Stopped>() => {
            output::note("interrupted: what is copied so far stays; run it again to go on");
            Ok(ExitCode::from(exit::INTERRUPTED))
        }
        Err(error) => Err(error),
    }
}

/// Opens both stores, copies, and lets go of both, whatever came of it.
async fn whole(
    from: &Settings,
    to: &Settings,
    patience: &Patience,
    format: Format,
) -> Result<Summary> {
    let ends = ends::open(from, to, patience).await?;
    let copied = copy(&ends, patience, format).await;
    let closed = ends.close().await;
    let summary = copied?;
    closed.map(|()| summary)
}

/// From now on ctrl-c and SIGTERM let what is under way come to its end; a second one ends at once.
fn listen(patience: Patience) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        let mut asked = 0;
        while asked < 2 {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            asked += 1;
            patience.stop();
        }
        std::process::exit(exit::INTERRUPTED.into());
    });
    Ok(())
}

/// Copies subject after subject, several at once, and prints them in their order.
async fn copy(ends: &Ends, patience: &Patience, format: Format) -> Result<Summary> {
    let progress = Progress::new();
    let mut summary = Summary::default();
    let mut lines = Some(Lines::new(format)?);
    let walking = walk(ends, patience, &progress, |copied: Copied| {
        for problem in copied.problems() {
            progress.problem(&problem);
        }
        summary.add(&copied);
        match copied.row() {
            Some(row) => print(&mut lines, |lines| lines.write(&row)),
            None => Ok(()),
        }
    });
    let walked = tokio::select! {
        walked = walking => walked,
        lost = ends.lost() => Err(lost),
    };
    progress.finish();
    print(&mut lines, Lines::flush)?;
    walked.map(|()| summary)
}

/// Who closes the output stops the printing, not the copying.
fn print(
    lines: &mut Option<Lines>,
    write: impl FnOnce(&mut Lines) -> io::Result<()>,
) -> Result<()> {
    let Some(out) = lines else { return Ok(()) };
    match write(out) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => *lines = None,
        written => written.context("cannot print")?,
    }
    Ok(())
}
