//! Commands that must succeed.

use std::process::{Command, Stdio};

/// Runs a command that reads nothing.
///
/// # Errors
/// How it ended, or why it can't be run.
pub fn run(command: &mut Command) -> Result<(), String> {
    succeed(command.stdin(Stdio::null()))
}

/// Runs a command that may read what this program's input has.
///
/// # Errors
/// How it ended, or why it can't be run.
pub fn succeed(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?} failed: {status}.")),
        Err(error) => Err(format!("{command:?} can't be run: {error}.")),
    }
}

/// Runs a command that reads nothing; what it wrote on its standard output.
///
/// # Errors
/// How it ended, or why it can't be run.
pub fn output(command: &mut Command) -> Result<String, String> {
    match command.stdin(Stdio::null()).stderr(Stdio::inherit()).output() {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) => Err(format!("{command:?} failed: {}.", output.status)),
        Err(error) => Err(format!("{command:?} can't be run: {error}.")),
    }
}
