//! `broker completions SHELL`

use crate::{arguments::Arguments, output};
use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::{io::Write, process::ExitCode};

/// The arguments of `broker completions`.
#[derive(Debug, Args)]
pub struct CompletionsCommand {
    /// The shell that is to complete
    shell: Shell,
}

/// Prints a script for a shell.
pub fn run(command: &CompletionsCommand) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(command.shell, &mut Arguments::command(), "broker", &mut script);
    let mut out = output::stdout();
    out.write_all(&script)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
