//! `broker doctor`: looks at the settings, the machine and the store that `broker serve` would have, and
//! says what stands against it and what to do. It changes nothing and owns nothing.

mod broker;
mod clock;
mod collector;
mod descriptors;
mod directory;
mod disk;
mod filesystem;
mod finding;
mod lock;
mod machine;
mod memory;
mod ports;
mod print;
mod store;
mod syncs;

use crate::{
    exit, output,
    settings::{self, Resolved, ServeArguments, StorageKind},
};
use anyhow::Result;
use clap::{Args, ValueEnum};
use finding::{Finding, Level};
use std::{io::Write, process::ExitCode};

/// The arguments of `broker doctor`: those of `serve`, and how to print.
#[derive(Debug, Args)]
pub struct DoctorCommand {
    #[command(flatten)]
    serve: ServeArguments,
    /// How the findings are printed
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    format: Format,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for each
    Text,
    /// One JSON object a line for each
    Json,
}

/// Prints the findings; 0 if none of them is bad.
pub async fn run(command: DoctorCommand) -> Result<ExitCode> {
    let findings = match settings::read(&command.serve) {
        Err(wrong) => wrong.told().map(unsettled).collect(),
        Ok(resolved) => examine(&resolved).await,
    };
    let mut out = output::stdout();
    match command.format {
        Format::Text => print::text(&mut out, &findings, output::stdout_has_colours())?,
        Format::Json => print::json(&mut out, &findings)?,
    }
    out.flush()?;
    let is_bad = findings.iter().any(|finding| finding.level == Level::Bad);
    Ok(ExitCode::from(if is_bad { exit::FAILED } else { exit::DONE }))
}

fn unsettled(sentence: String) -> Finding {
    Finding::bad("settings", sentence, "nothing else was looked at")
}

async fn examine(resolved: &Resolved) -> Vec<Finding> {
    let Resolved { settings, entries, warnings, remarks } = resolved;
    let mut findings = Vec::new();
    findings.extend(remarks.iter().map(|remark| Finding::ok("settings", remark)));
    let odd = |warning: &String| Finding::warn("settings", warning, "see docs/configuration.md");
    findings.extend(warnings.iter().map(odd));
    findings.extend(machine::versions());
    let running = broker::running(settings).await;
    findings.extend(ports::check(settings, running.as_ref()).await);
    findings.extend(running.iter().flat_map(|running| running.findings()));
    findings.push(descriptors::check(settings));
    findings.push(memory::check(settings));
    findings.extend(machine::pages_and_swap());
    if settings.kind() == StorageKind::Local {
        findings.extend(directory::check(settings));
        findings.extend(disk::check(settings));
    }
    let (found, kept_time) = store::check(settings).await;
    findings.extend(found);
    findings.extend(clock::check(kept_time));
    findings.extend(collector::check(entries).await);
    findings
}
