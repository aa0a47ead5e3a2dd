//! `broker serve`: the composition root.

mod log;
mod logger;
mod repeats;
mod signals;
mod store;

use crate::settings::{self, Resolved, ServeArguments, Settings};
use anyhow::{Context, Result};
use broker_core::{Broker, Observer, SystemTime};
use broker_server::Server;
use broker_storage::{Activity, Opened};
use logger::Logger;
use signals::Signals;
use std::{
    hash::{BuildHasher, RandomState},
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};
use tracing::{info, warn};

/// Runs a broker until it is told to leave.
pub async fn run(arguments: ServeArguments) -> Result<ExitCode> {
    // Before anything else: as process 1 there is no default action for a signal.
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let Resolved { settings, warnings, remarks, .. } = settings::read(&arguments)?;
    log::start(&settings)?;
    remarks.iter().for_each(|remark| info!("{remark}"));
    warnings.iter().for_each(|warning| warn!("{warning}"));
    let observer = Arc::new(Logger::default());
    let server = Server::bind(settings.server()).await?.observed_by(observer.clone());

    let opening = open(&settings, observer.clone());
    let (broker, activity) = tokio::select! {
        opened = opening => opened?,
        signal = signals.next() => {
            info!(signal, "closed before it was open");
            return Ok(ExitCode::SUCCESS);
        }
    };
    announce(&server)?;

    let grace = settings.grace();
    let served = server.run(broker, leave(signals, grace)).await;
    observer.finish();
    served?;
    info!(syncs = activity.syncs(), written_bytes = activity.written(), "closed");
    Ok(ExitCode::SUCCESS)
}

/// Opens the store and the broker over it. Answers with it what is counted of the store's disk.
async fn open(settings: &Settings, observer: Arc<Logger>) -> Result<(Broker, Arc<Activity>)> {
    let kind = settings.storage();
    info!(storage = kind, "storage type chosen: {kind}");
    let begun = Instant::now();
    let Opened { storage, recovery, activity, .. } = store::open(settings).await?;
    let took_ms = milliseconds(begun.elapsed());
    info!(storage = kind, took_ms, "store open: {recovery}");
    let observer: Arc<dyn Observer> = observer;
    // The chance that hash tables take.
    let seed = RandomState::new().hash_one(std::process::id());
    let time = Arc::new(SystemTime);
    let broker = Broker::open(storage, time, observer, settings.limits(), seed).await?;
    Ok((broker, activity))
}

/// Says where it listens.
fn announce(server: &Server) -> Result<()> {
    let grpc = server.grpc_address().context("the gRPC port has no address")?;
    let admin = server.admin_address().context("the admin port has no address")?;
    warn_beyond_loopback("gRPC", grpc);
    warn_beyond_loopback("the admin pages", admin);
    info!(address = %admin, port = admin.port(), "admin pages listening on port {}", admin.port());
    info!(address = %grpc, port = grpc.port(), "gRPC server listening on port {}", grpc.port());
    Ok(())
}

fn warn_beyond_loopback(what: &str, address: SocketAddr) {
    if !address.ip().is_loopback() {
        warn!(
            %address,
            "NO AUTHENTICATION: whoever reaches {address} ({what}) can publish, read and administrate; \
             listen on loopback or keep strangers out with a firewall or a proxy"
        );
    }
}

/// Done when the broker is told to leave. From then on a second signal, or an end that takes much
/// longer than the grace time, ends the process at once.
async fn leave(mut signals: Signals, grace: Duration) {
    let signal = signals.next().await;
    let grace_ms = milliseconds(grace);
    info!(signal, grace_ms, "closing");
    tokio::spawn(async move {
        let signal = signals.next().await;
        warn!(signal, "ended at once by a second signal");
        std::process::exit(crate::exit::INTERRUPTED.into());
    });
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
