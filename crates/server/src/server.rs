//! The server: bound early, run over a broker, left in an orderly way.

use crate::{
    admin,
    connections::Connections,
    health::Health,
    layers::{Door, Grpc},
    limits::ServerLimits,
    observe::{NoRpcObserver, RpcObserver},
    origin::Origins,
    service::Service,
    shutdown::{Exit, Phase, Schedule},
    side::Side,
};
use broker_core::Broker;
use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    task::JoinHandle,
    time::{Instant, sleep, timeout_at},
};

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

/// A server that listens and does not serve calls yet.
pub struct Server {
    config: ServerConfig,
    origins: Origins,
    observer: Arc<dyn RpcObserver>,
    grpc: TcpListener,
    admin_address: SocketAddr,
    pages: JoinHandle<()>,
    health: Health,
    exit: Exit,
}

impl Server {
    /// Listens on both addresses. The admin pages are served from here on, in a task of this runtime;
    /// they say that the broker is starting. Calls wait until [`Server::run`].
    ///
    /// # Errors
    /// See [`BindError`].
    pub async fn bind(config: ServerConfig) -> Result<Self, BindError> {
        let origins = Origins::new(&config.web_origins).map_err(BindError::Origin)?;
        let grpc = listen(config.listen, "gRPC").await?;
        let admin = listen(config.admin_listen, "the admin pages").await?;
        let admin_address = admin.local_addr().map_err(|error| BindError::Listen {
            address: config.admin_listen,
            purpose: "the admin pages",
            error,
        })?;
        let exit = Exit::new();
        let health = Health::new(exit.watch());
        let pages = admin::pages(health.clone());
        let pages = Connections::of_pages(pages, &config.limits, exit.watch());
        let pages = tokio::spawn(pages.serve(admin));
        let observer = Arc::new(NoRpcObserver);
        Ok(Self { config, origins, observer, grpc, admin_address, pages, health, exit })
    }

    /// Has every call told to this observer.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn RpcObserver>) -> Self {
        self.observer = observer;
        self
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
    /// None at present.
    pub fn admin_address(&self) -> io::Result<SocketAddr> {
        Ok(self.admin_address)
    }

    /// Serves until `leave` is done, then leaves: health turns first and new calls hear
    /// BROKER_CLOSING; the broker stores and answers what it accepted; subscriptions and publish
    /// streams end; the port closes last, when calls had time to hear it.
    ///
    /// # Errors
    /// See [`ServeError`]. What was acknowledged is safe all the same.
    pub async fn run(
        self,
        broker: Broker,
        leave: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let door = self.door(&broker)?;
        let Self { config, observer, grpc, pages, health, exit, .. } = self;
        let connections = Connections::of_calls(door, &config.limits, exit.watch(), observer);
        let mut connections = tokio::spawn(connections.serve(grpc));
        health.opened(broker.clone());

        leave.await;
        let schedule = Schedule::of(config.grace, config.limits.closing_notice);
        let begun = Instant::now();
        exit.advance(Phase::Closing);
        let in_order = timeout_at(begun + schedule.cut, async {
            tokio::join!(broker.close(), sleep(schedule.notice));
            exit.advance(Phase::Leaving);
            // Neither task is ever aborted, and a panic in it was reported where it happened.
            let _ = (&mut connections).await;
        });
        let in_order = in_order.await.is_ok();
        exit.advance(Phase::Cut);
        let cut = timeout_at(begun + config.grace, async {
            if !in_order {
                let _ = connections.await;
            }
            let _ = pages.await;
        });
        let _ = cut.await;
        if in_order { Ok(()) } else { Err(ServeError::Grace(config.grace)) }
    }

    fn door(&self, broker: &Broker) -> Result<Door, ServeError> {
        let (limits, observer) = (&self.config.limits, &self.observer);
        let side = Side::new(self.health.clone())
            .map_err(|error| ServeError::Reflection(error.to_string()))?;
        let service = Service::new(broker.clone(), limits, self.exit.watch(), observer.clone());
        let grpc = Grpc::new(service, side, self.exit.watch(), limits, observer.clone());
        Ok(Door::new(self.origins.clone(), grpc))
    }
}

async fn listen(address: SocketAddr, purpose: &'static str) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|error| BindError::Listen { address, purpose, error })
}
