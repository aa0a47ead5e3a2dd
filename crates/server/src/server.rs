//! The server: bound early, run over a broker, left in an orderly way.

use crate::{
    admin::{self, Controls, Slot},
    connections::Connections,
    health::Health,
    layers::{Door, Grpc},
    limits::ServerLimits,
    observe::{NoRpcObserver, RpcObserver},
    opening::{OpenBroker, Opening},
    origin::Origins,
    service::Service,
    shutdown::{Exit, Phase, Schedule, Watch},
    side::Side,
    trace::{Tracer, Tracing},
    usage::Meters,
};
use broker_core::Broker;
use futures_util::FutureExt;
use std::{
    convert::Infallible, future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration,
};
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

/// Why a server ended other than by leaving; `E` is why the broker could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ServeError<E = Infallible> {
    /// Reflection could not be set up from the descriptors that were built in.
    #[error("reflection cannot be served: {0}")]
    Reflection(String),
    /// The broker could not be opened.
    #[error("{0}")]
    Opening(E),
    /// Another broker took the store over; why this one knows.
    #[error("another broker owns the store: {0}")]
    Fenced(Arc<str>),
    /// The grace time passed before all that was accepted was answered.
    #[error("not everything could be ended within the grace time of {0:?}")]
    Grace(Duration),
}

/// A server that listens and does not serve calls yet.
pub struct Server {
    config: ServerConfig,
    origins: Origins,
    observer: Arc<dyn RpcObserver>,
    controls: Slot,
    tracing: Tracing,
    grpc: TcpListener,
    admin_address: SocketAddr,
    pages: JoinHandle<()>,
    opening: Opening,
    health: Health,
    meters: Meters,
    exit: Exit,
}

impl Server {
    /// Listens on both addresses. The admin pages are served from here on, in a task of this runtime;
    /// they say that the broker is starting. Calls wait until [`Server::run`] has something to tell them.
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
        let opening = Opening::new();
        let health = Health::new(opening.clone(), exit.watch());
        let controls = Slot::default();
        let meters = Meters::default();
        let pages = admin::pages(health.clone(), controls.clone(), &meters);
        let pages = Connections::of_pages(pages, &config.limits, exit.watch());
        let pages = tokio::spawn(pages.serve(admin));
        Ok(Self {
            config,
            origins,
            observer: Arc::new(NoRpcObserver),
            controls,
            tracing: Tracing::default(),
            grpc,
            admin_address,
            pages,
            opening,
            health,
            meters,
            exit,
        })
    }

    /// Has every call told to this observer.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn RpcObserver>) -> Self {
        self.observer = observer;
        self
    }

    /// Lets operators use these; until then what needs them is refused as if the broker were starting.
    #[must_use]
    pub fn controlled_by(self, controls: Controls) -> Self {
        self.controls.fill(controls);
        self
    }

    /// What the broker is, as far as others should know.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// How much of the door's limits is in use.
    #[must_use]
    pub fn meters(&self) -> Meters {
        self.meters.clone()
    }

    /// Has calls traced. With `tells_subscribers`, a message whose publish is recorded and which has no
    /// header `traceparent` gets one, within the limits of a message.
    #[must_use]
    pub fn traced_by(mut self, tracer: Arc<dyn Tracer>, tells_subscribers: bool) -> Self {
        self.tracing = Tracing::new(tracer, tells_subscribers);
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

    /// What the broker waits for while it is being opened, for who opens it to say.
    #[must_use]
    pub fn opening(&self) -> Opening {
        self.opening.clone()
    }

    /// Serves the broker that `opening` gives, until `leave` is done or another broker owns the store.
    ///
    /// Calls wait until the broker is open, or are refused as [`Server::opening`] was told: with
    /// STORAGE_UNAVAILABLE or STANDBY, on connections that can be used when it is open. An order to leave
    /// that comes before ends `opening` by dropping it, and the server at once.
    ///
    /// Leaving, health turns first and new calls hear BROKER_CLOSING; the broker stores and answers what it
    /// accepted; subscriptions and publish streams end; the port closes last, when calls had time to
    /// hear it. When another broker owns the store, all of them hear STANDBY, and nothing is waited for
    /// but that they do.
    ///
    /// # Errors
    /// See [`ServeError`]. What was acknowledged is safe all the same.
    pub async fn run<E>(
        self,
        opening: impl Future<Output = Result<OpenBroker, E>>,
        leave: impl Future<Output = ()>,
    ) -> Result<(), ServeError<E>> {
        let door = self.door().map_err(ServeError::Reflection)?;
        let Self { config, observer, grpc, pages, opening: waiting, meters, exit, .. } = self;
        let connections = Connections::of_calls(door, &config.limits, exit.watch(), observer);
        connections.measured_by(&meters);
        let connections = tokio::spawn(accept(connections, grpc, waiting.clone(), exit.watch()));
        let way_out = WayOut { config, exit, connections, pages };

        let mut leave = pin!(leave);
        let open = tokio::select! {
            biased;
            // First: a broker that is open is closed, whatever comes together with it.
            open = opening => open.map_err(ServeError::Opening)?,
            () = &mut leave => {
                way_out.leave_unopened().await;
                return Ok(());
            }
        };
        let broker = open.broker.clone();
        waiting.opened(open);
        tokio::select! {
            biased;
            reason = broker.fenced() => {
                way_out.leave_fenced(&broker).await;
                Err(ServeError::Fenced(reason))
            }
            () = leave => way_out.leave(&broker).await,
        }
    }

    fn door(&self) -> Result<Door, String> {
        let (limits, observer, meters) = (&self.config.limits, &self.observer, &self.meters);
        let tracing = self.tracing.clone();
        let side = Side::new(self.health.clone()).map_err(|error| error.to_string())?;
        let opening = self.opening.clone();
        let watch = self.exit.watch();
        let (heard, traced) = (observer.clone(), tracing.clone());
        let service = Service::new(opening, limits, watch, heard, traced, meters);
        let watch = self.exit.watch();
        let grpc = Grpc::new(service, side, watch, limits, observer.clone(), tracing, meters);
        Ok(Door::new(self.origins.clone(), grpc))
    }
}

/// Serves connections from when there is something to tell to who calls.
async fn accept(
    connections: Connections<Door>,
    listener: TcpListener,
    opening: Opening,
    watch: Watch,
) {
    tokio::select! {
        biased;
        () = watch.reaching(Phase::Leaving) => {}
        () = opening.known() => connections.serve(listener).await,
    }
}

/// What is to be ended.
struct WayOut {
    config: ServerConfig,
    exit: Exit,
    connections: JoinHandle<()>,
    pages: JoinHandle<()>,
}

impl WayOut {
    /// Nothing was accepted: whoever calls now may try elsewhere.
    async fn leave_unopened(self) {
        let Schedule { notice, .. } =
            Schedule::of(self.config.grace, self.config.limits.closing_notice);
        self.exit.advance(Phase::Closing);
        let begun = Instant::now();
        self.end(begun + notice, begun + notice, async {}).await;
    }

    async fn leave_fenced(self, broker: &Broker) {
        let (grace, notice) = (self.config.grace, self.config.limits.closing_notice);
        let schedule = Schedule::of_fenced(grace, notice);
        self.exit.fence();
        let begun = Instant::now();
        let heard = async { _ = tokio::join!(broker.close(), sleep(schedule.notice)) };
        self.end(begun + schedule.cut, begun + schedule.cut, heard).await;
    }

    async fn leave<E>(self, broker: &Broker) -> Result<(), ServeError<E>> {
        let grace = self.config.grace;
        let schedule = Schedule::of(grace, self.config.limits.closing_notice);
        self.exit.advance(Phase::Closing);
        let begun = Instant::now();
        let heard = async { _ = tokio::join!(broker.close(), sleep(schedule.notice)) };
        let in_order = self.end(begun + schedule.cut, begun + grace, heard).await;
        // It may have lost the store on the way.
        match broker.fenced().now_or_never() {
            Some(reason) => Err(ServeError::Fenced(reason)),
            None if in_order => Ok(()),
            None => Err(ServeError::Grace(grace)),
        }
    }

    /// Closes the port when calls have `heard` of the end, and waits for connections to end with their
    /// last calls; from `cut` on what is left is dropped. Answers whether nothing was.
    async fn end(mut self, cut: Instant, last: Instant, heard: impl Future<Output = ()>) -> bool {
        let in_order = timeout_at(cut, async {
            heard.await;
            self.exit.advance(Phase::Leaving);
            // Neither task is ever aborted, and a panic in it was reported where it happened.
            let _ = (&mut self.connections).await;
        });
        let in_order = in_order.await.is_ok();
        self.exit.advance(Phase::Cut);
        let ended = timeout_at(last, async {
            if !in_order {
                let _ = self.connections.await;
            }
            let _ = self.pages.await;
        });
        let _ = ended.await;
        in_order
    }
}

async fn listen(address: SocketAddr, purpose: &'static str) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|error| BindError::Listen { address, purpose, error })
}
