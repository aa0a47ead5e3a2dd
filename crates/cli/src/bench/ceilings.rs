//! `broker bench ceilings`: what gRPC and the disk, or a database, allow on this machine, without a
//! broker.

pub mod append;
pub mod beneath;
#[cfg(any(feature = "postgres", feature = "cassandra"))]
pub mod database;
pub mod disk;
pub mod empty;
pub mod measured;
pub mod shares;
pub mod side;

use super::{
    arguments::BenchCommand,
    plan::Plan,
    progress::Progress,
    report::Report,
    summary::Figure,
    target::{is_in_memory, temporary_directory},
    workload::Workload,
};
use anyhow::Result;
use append::{Append, GROUPS};
use measured::LONGEST;

/// A shape of load on the empty handler.
struct Shape {
    workload: Workload,
    connections: usize,
    in_flight: usize,
    subscribers: usize,
}

const fn calls(workload: Workload, connections: usize, in_flight: usize) -> Shape {
    Shape { workload, connections, in_flight, subscribers: 1 }
}

const fn readers(subscribers: usize) -> Shape {
    Shape { workload: Workload::Replay, connections: 2, in_flight: 1, subscribers }
}

const SHAPES: [Shape; 9] = [
    calls(Workload::Publish, 1, 1),
    calls(Workload::Publish, 1, 64),
    calls(Workload::Publish, 4, 256),
    calls(Workload::Stream, 1, 1),
    calls(Workload::Stream, 1, 16_384),
    calls(Workload::Fetch, 4, 256),
    readers(1),
    readers(10),
    readers(100),
];

impl Shape {
    fn name(&self) -> String {
        let Self { connections, in_flight, subscribers, .. } = self;
        match self.workload {
            Workload::Publish => format!("unary publish, {in_flight} in flight over {connections}"),
            Workload::Stream => format!("publish stream, {in_flight} in flight"),
            Workload::Fetch => format!("fetch, {in_flight} in flight over {connections}"),
            _ => format!("subscribe stream, {subscribers} readers"),
        }
    }

    fn plan(&self, base: &Plan) -> Plan {
        // Every reader reads all of them.
        let share = base.messages / self.subscribers as u64;
        Plan {
            workload: self.workload,
            connections: self.connections,
            in_flight: self.in_flight,
            subscribers: self.subscribers,
            messages: share.max(1),
            ..base.clone()
        }
    }
}

/// Measures all of them; of a store over a database, what that database allows.
pub async fn run(command: &BenchCommand, progress: &Progress) -> Result<Report> {
    let base = Plan::new(command)?;
    #[cfg(any(feature = "postgres", feature = "cassandra"))]
    if command.storage.place().is_some() {
        let kind = command.storage.name();
        let words = format!("bare clients of the database alone, {}-byte bodies", base.body_bytes);
        let mut report = Report::new(words, format!("none: the database of the store `{kind}`"));
        report.figures = database::all(&base, super::target::store_of(command)?, progress).await?;
        return Ok(report);
    }
    let directory = temporary_directory(command.dir.as_deref())?;
    let place = if is_in_memory(directory.path()) {
        "; the directory is on a file system in memory, where a sync costs nothing"
    } else {
        ""
    };
    let words =
        format!("an empty handler and the disk alone, {}-byte bodies{place}", base.body_bytes);
    let mut report = Report::new(words, "none: an empty gRPC handler in its place".into());
    for shape in &SHAPES {
        let name = shape.name();
        let (figures, audit) = side::measure(&shape.plan(&base), progress, &name).await?;
        report.audit.add(audit);
        report.figures.extend(
            figures
                .into_iter()
                .filter(is_told)
                .map(|figure| Figure { name: format!("{name}: {}", figure.name), ..figure }),
        );
    }
    for is_allocated in [false, true] {
        for group in GROUPS {
            let append = Append { group, record: append::record(base.body_bytes), is_allocated };
            let (time, mut rounds) = (LONGEST.min(base.time), Vec::new());
            for _ in 0..base.rounds {
                progress.begin(&format!("append of {group}"), 1, time);
                rounds.push(append.measure(directory.path().to_owned(), time).await?);
            }
            report.figures.extend(append.figures(&rounds));
        }
    }
    directory.close()?;
    Ok(report)
}

/// Few figures of many ceilings: the rest is in a run of the workload with --ceiling.
fn is_told(figure: &Figure) -> bool {
    figure.unit == "/s" || figure.name.ends_with(" p50") || figure.name.ends_with(" p99")
}
