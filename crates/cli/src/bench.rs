//! `broker bench WORKLOAD`: measures a broker, and audits every message while it does.

mod arguments;
mod audit;
mod body;
mod caller;
mod ceilings;
mod child;
mod compare;
mod course;
mod gaps;
mod host;
mod html;
mod lane;
mod ledger;
mod listening;
mod pace;
mod plan;
mod print;
mod process;
mod progress;
mod recorder;
mod report;
mod round;
mod scene;
mod session;
mod streamer;
mod summary;
mod target;
mod time;
mod watcher;
mod window;
mod workload;

pub use arguments::BenchCommand;

use crate::{exit, output};
use anyhow::{Context, Result};
use compare::Comparison;
use plan::Plan;
use progress::Progress;
use report::Report;
use std::{fs, io::Write, process::ExitCode};
use tokio::signal::unix::{SignalKind, signal};
use workload::Workload;

/// Measures, prints what came of it, and ends with 1 if the audit found anything. ctrl-c or SIGTERM ends
/// it at once: what it started is ended, and what it made is removed.
pub async fn run(command: BenchCommand) -> Result<ExitCode> {
    if command.workload == Workload::Empty {
        return ceilings::empty::run(&Plan::new(&command)?).await;
    }
    let old = command.compare.as_deref().map(Report::read).transpose()?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let progress = Progress::new();
    let measuring = async {
        match command.workload {
            Workload::Ceilings => ceilings::run(&command, &progress).await,
            _ => session::run(&command, &progress).await,
        }
    };
    let report = tokio::select! {
        report = measuring => report,
        // The other future is dropped, and with it child and directory.
        _ = interrupt.recv() => return Ok(interrupted(progress)),
        _ = terminate.recv() => return Ok(interrupted(progress)),
    };
    progress.finish();
    conclude(&command, &report?, old.as_ref())
}

fn interrupted(progress: Progress) -> ExitCode {
    progress.finish();
    output::note("interrupted: nothing is reported, and what was started is gone");
    ExitCode::from(exit::INTERRUPTED)
}

fn conclude(command: &BenchCommand, report: &Report, old: Option<&Report>) -> Result<ExitCode> {
    let compared = old.map(|old| Comparison::new(old, report));
    let mut out = output::stdout();
    print::print(&mut out, report, compared.as_ref())?;
    out.flush()?;
    if let Some(path) = &command.json {
        report.write(path)?;
    }
    if let Some(path) = &command.html {
        let page = html::page(report)?;
        fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if !session::measured_something(report) {
        output::problem("nothing was measured: no call went well");
        return Ok(ExitCode::from(exit::FAILED));
    }
    let code = if report.audit.faults.is_clean() { exit::DONE } else { exit::FAILED };
    Ok(ExitCode::from(code))
}
