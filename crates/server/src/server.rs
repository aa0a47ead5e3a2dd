//! The server: bound early, run over a broker, left in an orderly way.

use crate::{
    admin, connections, health::Watch, layers::Door, limits::ServerLimits, service::BrokerService,
};
use broker_core::Broker;
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    net::TcpListener,
    sync::watch,
    time::{Instant, timeout_at},
};
use tonic::service::Routes;

/// How long the port stays open after the broker has closed, so that clients hear BROKER_CLOSING
/// instead of finding nobody.
const LINGER: Duration = Duration::from_millis(500);

/// What a server is told.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where gRPC is served.
    pub listen: SocketAddr,
    /// Where the admin pages are served.
    pub admin_listen: SocketAddr,
    /// Origins whose pages may call the broker, such as `https://app.example`; none by default.
    pub web_origins: Vec<String>,
    /// Longest time from the order to leave to the end of [`Server::run`].
    pub grace: Duration,
    /// The bounds of the door.
    pub limits: ServerLimits,
}

/// Why a server could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address} for {purpose}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What for.
        purpose: &'static str,
        /// The system's word.
        error: io::Error,
    },
    /// A listed origin can never match.
    #[error("web origin {0:?} is no origin: write scheme://host or scheme://host:port")]
    Origin(String),
}

/// Why a server ended other than by leaving.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Reflection could not be set up from the descriptors that were built in.
    #[error("reflection cannot be served: {0}")]
    Reflection(String),
    /// The grace time passed before all that was accepted was answered.
    #[error("not everything could be ended within the grace time of {0:?}")]
    Grace(Duration),
}

/// A server that listens and does not serve yet.
pub struct Server {
    config: ServerConfig,
    grpc: TcpListener,
    admin: TcpListener,
    health: Watch,
}

impl Server {
    /// Listens on both addresses. The admin pages are served from here on (not ready yet).
    ///
    /// # Errors
    /// See [`BindError`].
    pub async fn bind(config: ServerConfig) -> Result<Self, BindError> {
        if let Some(origin) = config.web_origins.iter().find(|origin| !is_origin(origin)) {
            return Err(BindError::Origin(origin.clone()));
        }
        let grpc = listen(config.listen, "gRPC").await?;
        let admin = listen(config.admin_listen, "the admin pages").await?;
        Ok(Self { config, grpc, admin, health: Watch::new() })
    }

    /// Where gRPC is served; the port is the real one where 0 was asked for.
    ///
    /// # Errors
    /// The system's word.
    pub fn grpc_address(&self) -> io::Result<SocketAddr> {
        self.grpc.local_addr()
    }

    /// Where the admin pages are served.
    ///
    /// # Errors
    /// The system's word.
    pub fn admin_address(&self) -> io::Result<SocketAddr> {
        self.admin.local_addr()
    }

    /// Serves until `leave` is done, then leaves: health turns first, the broker stores and answers
    /// what it accepted, subscriptions and publish streams end, the port closes last.
    ///
    /// # Errors
    /// See [`ServeError`]. What was acknowledged is safe all the same.
    pub async fn run(
        self,
        broker: Broker,
        leave: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let Self { config, grpc, admin, health } = self;
        let (closing, is_closing) = watch::channel(false);
        let (stop, stopped) = watch::channel(false);
        let service = BrokerService::new(broker.clone(), &config.limits, is_closing);
        let (reporter, routes) = routes(service.clone())?;
        let door =
            Door::new(&config.web_origins, service, routes).map_err(ServeError::Reflection)?;

        let pages = tokio::spawn(serve_admin(admin, health.clone(), stopped.clone()));
        let following = tokio::spawn(health.clone().follow(broker.clone(), reporter));
        let connections = tokio::spawn(connections::serve(grpc, door, config.limits, stopped));

        leave.await;
        let end = Instant::now() + config.grace;
        health.close();
        closing.send_replace(true);
        let ended = timeout_at(end, async {
            // Health says so before any call is refused.
            let _ = following.await;
            broker.close().await;
            tokio::time::sleep(LINGER.min(config.grace / 4)).await;
            stop.send_replace(true);
            let _ = connections.await;
            let _ = pages.await;
        });
        ended.await.map_err(|_| ServeError::Grace(config.grace))
    }
}

fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    !scheme.is_empty()
        && !host.is_empty()
        && text.is_ascii()
        && !host.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control())
}

async fn listen(address: SocketAddr, purpose: &'static str) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|error| BindError::Listen { address, purpose, error })
}

fn routes(
    service: BrokerService,
) -> Result<(tonic_health::server::HealthReporter, Routes), ServeError> {
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(broker_proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let failed = |error: tonic_reflection::server::Error| ServeError::Reflection(error.to_string());
    let (reporter, health) = tonic_health::server::health_reporter();
    let routes = Routes::new(service)
        .add_service(health)
        .add_service(reflection().build_v1().map_err(failed)?)
        .add_service(reflection().build_v1alpha().map_err(failed)?);
    Ok((reporter, routes))
}

async fn serve_admin(listener: TcpListener, health: Watch, mut stop: watch::Receiver<bool>) {
    let stopped = async move {
        // The sender is gone only when the server is.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let served = axum::serve(listener, admin::router(health)).with_graceful_shutdown(stopped);
    if let Err(error) = served.await {
        tracing::error!(%error, "the admin pages ended");
    }
}
