//! `broker serve`: the composition root.

mod announcement;
pub mod log;
mod logger;
mod metrics;
mod profiles;
mod progress;
mod signals;
mod tracer;
mod watching;

use crate::{
    exit,
    settings::{self, Resolved, ServeArguments, Settings},
};
use announcement::Announcement;
use anyhow::{Context, Result};
use broker_core::{Broker, Storage, SystemTime};
use broker_server::{Controls, OpenBroker, ServeError, Server};
use broker_storage::{Activity, Observed, Opened};
use log::Log;
use logger::Logger;
use metrics::{Metrics, Sources, Store};
use profiles::Profiles;
use progress::Progress;
use signals::Signals;
use std::{
    hash::{BuildHasher, RandomState},
    process::ExitCode,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};
use tracer::Tracer;
use tracing::{info, warn};
use watching::Watching;

/// Runs a broker until it is told to leave.
pub async fn run(arguments: ServeArguments) -> Result<ExitCode> {
    // Before anything else: as process 1 there is no default action for a signal.
    let signals = Signals::listen().context("cannot listen for signals")?;
    let resolved = settings::read(&arguments)?;
    let counted = resolved.settings.takes_profiles().then(Profiles::prepare).transpose();
    let tracer = Tracer::start(&resolved.settings)?;
    let log = Log::start(&resolved.settings, tracer.as_ref())?;
    if let Err(error) = counted {
        warn!(%error, "there will be no profiles of the heap");
    }
    let served = serve(resolved, signals, log.clone(), tracer).await;
    let code = served.map_or_else(|error| log.fail(&error), |()| exit::DONE);
    log.flush();
    Ok(ExitCode::from(code))
}

async fn serve(
    resolved: Resolved,
    signals: Signals,
    log: Log,
    tracer: Option<Tracer>,
) -> Result<()> {
    let Resolved { settings, warnings, remarks, .. } = resolved;
    remarks.iter().for_each(|remark| info!("{remark}"));
    warnings.iter().for_each(|warning| warn!("{warning}"));
    let logger = Arc::new(Logger::default());
    let server = Server::bind(settings.server()).await?;
    let metrics = || {
        let sources = Sources {
            health: server.health(),
            meters: server.meters(),
            log: log.counts(),
            spans: tracer.as_ref().map(Tracer::counts),
            storage: settings.storage(),
            store: OnceLock::new(),
        };
        Metrics::new(sources).map(Arc::new)
    };
    let metrics = settings.has_metrics().then(metrics).transpose()?;
    let watching = Arc::new(Watching { logger: logger.clone(), metrics: metrics.clone() });
    let controls = Controls {
        metrics: metrics.map(|metrics| metrics as _),
        log: Some(Arc::new(log.level())),
        profiler: Some(Arc::new(Profiles::new(settings.takes_profiles()))),
    };
    let mut server = server.observed_by(watching.clone()).controlled_by(controls);
    if let Some(tracer) = &tracer {
        server = server.traced_by(tracer.spans(), tracer.tells_subscribers());
        tracer.announce();
    }
    let announcement = Arc::new(Announcement::of(&server)?);
    let progress = Progress::new(logger.clone(), server.opening(), announcement.clone());

    let activity = OnceLock::new();
    let opening = async {
        let open = open(&settings, watching, &progress, &activity).await?;
        announcement.say();
        anyhow::Ok(open)
    };
    let told = OnceLock::new();
    let served = server.run(opening, leave(signals, settings.grace(), &told, log)).await;
    logger.finish();
    if let Some(tracer) = tracer {
        let begun = told.get().copied().unwrap_or_else(Instant::now);
        tracer.finish(begun + settings.grace()).await;
    }
    served.map_err(|error| match error {
        ServeError::Opening(error) => error,
        other => other.into(),
    })?;
    match activity.get() {
        Some(activity) => say_closed(activity),
        None => info!("closed before it was open"),
    }
    Ok(())
}

/// Opens the store and the broker over it. What is counted beneath the store is put into `activity`.
async fn open(
    settings: &Settings,
    watching: Arc<Watching>,
    progress: &Progress,
    activity: &OnceLock<Arc<Activity>>,
) -> Result<OpenBroker> {
    let kind = settings.storage();
    info!(storage = kind, "storage type chosen: {kind}");
    let begun = Instant::now();
    let opened = broker_storage::open(settings.store(), progress).await?;
    let Opened { storage, inspect, recovery, activity: counted, warnings } = opened;
    let took_ms = milliseconds(begun.elapsed());
    info!(storage = kind, took_ms, "store open: {recovery}");
    warnings.iter().for_each(|warning| warn!(storage = kind, "{warning}"));
    // The chance that hash tables take.
    let seed = RandomState::new().hash_one(std::process::id());
    let time = Arc::new(SystemTime);
    let storage: Arc<dyn Storage> = match &watching.metrics {
        Some(metrics) => {
            metrics.opened(Store { activity: counted.clone(), inspect });
            Arc::new(Observed::new(storage, time.clone(), metrics.storing.clone()))
        }
        None => storage,
    };
    // It is opened once.
    let _ = activity.set(counted);
    let broker = Broker::open(storage, time, watching, settings.limits(), seed).await?;
    Ok(OpenBroker { broker, warnings })
}

/// The last line, with what was asked of the disk or the database.
fn say_closed(activity: &Activity) {
    let (syncs, written_bytes) = (activity.syncs(), activity.written());
    // Stores over a database run statements, if only to be opened; the others never do.
    let of_database = |count: u64| (activity.statements() > 0).then_some(count);
    let statements = of_database(activity.statements());
    let round_trips = of_database(activity.round_trips());
    info!(syncs, written_bytes, statements, round_trips, "closed");
}

/// Done when the broker is told to leave. From then on a second signal, or an end that takes much
/// longer than the grace time, ends the process at once. `told` is when.
async fn leave(mut signals: Signals, grace: Duration, told: &OnceLock<Instant>, log: Log) {
    let signal = signals.next().await;
    // It is told once.
    let _ = told.set(Instant::now());
    let grace_ms = milliseconds(grace);
    info!(signal, grace_ms, "closing");
    tokio::spawn(async move {
        let signal = signals.next().await;
        warn!(signal, "ended at once by a second signal");
        log.flush();
        std::process::exit(exit::INTERRUPTED.into());
    });
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
