//! Connections: accepted up to a limit, served, and let go in an orderly way.

use crate::{
    admin::Peer,
    farewell::Farewells,
    greeting::Greeting,
    limits::{ADMIN_CONNECTIONS, GREETING, ServerLimits},
    observe::{NoRpcObserver, RpcObserver},
    shutdown::{Phase, Watch},
    usage::Meters,
};
use broker_core::Repeats;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::{body::Incoming, service::Service as HttpService};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use std::{
    io,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

/// Pause after an accept failed for want of descriptors or memory: trying again at once only spins.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Resets by clients that cancel a lot; the transport's own default of 20 takes them for an attack.
const PENDING_RESETS: usize = 1_000;

/// Time a client has for the headers of an HTTP/1 request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Buffer of an HTTP/1 connection, in bytes.
const HTTP1_BUFFER: usize = 64 * 1024;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What serves connections with a service.
pub struct Connections<S> {
    service: S,
    builder: Arc<auto::Builder<TokioExecutor>>,
    limit: usize,
    room: Arc<Semaphore>,
    farewells: Farewells,
    watch: Watch,
    observer: Arc<dyn RpcObserver>,
    /// Whether requests tell who is at the other end.
    tells_peer: bool,
    said: Arc<Mutex<Repeats>>,
}

impl<S, B> Connections<S>
where
    S: HttpService<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// Connections of gRPC.
    pub fn of_calls(
        service: S,
        limits: &ServerLimits,
        watch: Watch,
        observer: Arc<dyn RpcObserver>,
    ) -> Self {
        let farewells = Farewells::in_http2();
        Self::new(service, limits, limits.connections, farewells, watch, observer)
    }

    /// Connections of the admin pages, few and not told to the observer.
    pub fn of_pages(service: S, limits: &ServerLimits, watch: Watch) -> Self {
        let (limit, farewells) = (ADMIN_CONNECTIONS, Farewells::in_http1());
        let observer = Arc::new(NoRpcObserver);
        let pages = Self::new(service, limits, limit, farewells, watch, observer);
        Self { tells_peer: true, ..pages }
    }

    fn new(
        service: S,
        limits: &ServerLimits,
        limit: usize,
        farewells: Farewells,
        watch: Watch,
        observer: Arc<dyn RpcObserver>,
    ) -> Self {
        let limit = limit.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            service,
            builder: Arc::new(builder(limits)),
            limit,
            room: Arc::new(Semaphore::new(limit)),
            farewells,
            watch,
            observer,
            tells_peer: false,
            said: Arc::default(),
        }
    }

    /// Has the limit on connections measured.
    pub fn measured_by(&self, meters: &Meters) {
        meters.permits("connections", &self.room, self.limit);
    }

    /// Serves connections until the server leaves; returns when the last one has ended.
    pub async fn serve(self, listener: TcpListener) {
        let mut leaving = pin!(self.watch.reaching(Phase::Leaving));
        loop {
            tokio::select! {
                () = &mut leaving => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => self.admit(stream),
                    Err(error) => self.pause_after(&error).await,
                },
            }
        }
        drop(listener);
        // Each connection holds one of these.
        let all = u32::try_from(self.limit).unwrap_or(u32::MAX);
        let _ended = self.room.acquire_many(all).await;
    }

    fn admit(&self, stream: TcpStream) {
        // A small answer must not wait for the one before it to be acknowledged.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection was gone at once");
            return;
        }
        match self.room.clone().try_acquire_owned() {
            Ok(permit) => self.begin(stream, permit),
            Err(_) => {
                let what = "connections beyond the limit were refused";
                if let Some(times) = self.count(what) {
                    tracing::warn!(limit = self.limit, times, "{what}");
                }
                self.observer.overloaded("connections");
                self.farewells.say(stream);
            }
        }
    }

    async fn pause_after(&self, error: &io::Error) {
        // The client's fault, and gone with it.
        let is_clients = matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionRefused
        );
        if !is_clients {
            if let Some(times) = self.count(&error.to_string()) {
                tracing::warn!(%error, times, "connections cannot be accepted at the moment");
            }
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }

    /// Whether to say that now, which may be so for every connection.
    fn count(&self, what: &str) -> Option<u64> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).count(what, Instant::now())
    }

    fn begin(&self, stream: TcpStream, permit: OwnedSemaphorePermit) {
        let peer = stream.peer_addr().ok().filter(|_| self.tells_peer);
        let service = Named { service: self.service.clone(), peer };
        let (builder, watch) = (self.builder.clone(), self.watch.clone());
        tokio::spawn(async move {
            serve_one(&builder, stream, service, watch).await;
            drop(permit);
        });
    }
}

/// A service that tells in each request who is at the other end of the connection.
struct Named<S> {
    service: S,
    peer: Option<SocketAddr>,
}

impl<S: HttpService<Request<Incoming>>> HttpService<Request<Incoming>> for Named<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, mut request: Request<Incoming>) -> S::Future {
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(Peer(peer));
        }
        self.service.call(request)
    }
}

async fn serve_one<S, B>(
    builder: &auto::Builder<TokioExecutor>,
    stream: TcpStream,
    service: S,
    watch: Watch,
) where
    S: HttpService<Request<Incoming>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let greeting = Greeting::default();
    let io = TokioIo::new(greeting.listen_on(stream));
    let mut connection = pin!(builder.serve_connection(io, service));
    let mut leaving = pin!(watch.reaching(Phase::Leaving));
    let mut cut = pin!(watch.reaching(Phase::Cut));
    let mut silent = pin!(tokio::time::sleep(GREETING));
    let (mut is_leaving, mut has_greeted) = (false, false);
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break ended,
            () = &mut silent, if !has_greeted => {
                has_greeted = greeting.is_complete();
                if !has_greeted {
                    tracing::debug!("a connection said nothing and was closed");
                    return;
                }
            }
            () = &mut leaving, if !is_leaving => {
                is_leaving = true;
                connection.as_mut().graceful_shutdown();
            }
            () = &mut cut => return,
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended with an error");
    }
}

fn builder(limits: &ServerLimits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HTTP1_BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        // gRPC has no use for the date.
        .auto_date_header(false)
        .initial_stream_window_size(limits.stream_window)
        .initial_connection_window_size(limits.connection_window)
        .max_concurrent_streams(limits.streams_per_connection)
        .max_header_list_size(limits.header_bytes)
        .max_send_buf_size(limits.send_buffer)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .keep_alive_interval(limits.keepalive_interval)
        .keep_alive_timeout(limits.keepalive_timeout);
    builder
}
