//! Connections: accepted up to a limit, served, and let go in an orderly way.

use crate::{layers::Door, limits::ServerLimits};
use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tonic::body::Body;
use tower::Service;

/// Pause after an accept failed for want of descriptors: trying again at once would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Bytes of one stream that the transport holds for a client that does not read.
const SEND_BUFFER: usize = 64 * 1024;

/// Resets by clients that cancel a lot; the transport's own default of 20 takes them for an attack.
const PENDING_RESETS: usize = 1_000;

/// Time a client has for the headers of an HTTP/1 request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves connections until `stop` turns true, then lets the calls that are under way end.
pub async fn serve(
    listener: TcpListener,
    door: Door,
    limits: ServerLimits,
    mut stop: watch::Receiver<bool>,
) {
    let builder = Arc::new(builder(&limits));
    let room = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    loop {
        let stream = tokio::select! {
            () = stopped(&mut stop) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let Ok(permit) = room.clone().try_acquire_owned() else {
            tracing::warn!(limit = limits.connections, "a connection beyond the limit was closed");
            continue;
        };
        serve_one(&builder, stream, door.clone(), permit, &graceful);
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The sender is gone only when the server is.
    let _ = stop.wait_for(|stop| *stop).await;
}

fn serve_one(
    builder: &Arc<auto::Builder<TokioExecutor>>,
    stream: TcpStream,
    door: Door,
    permit: OwnedSemaphorePermit,
    graceful: &GracefulShutdown,
) {
    // A small answer must not wait for the one before it to be acknowledged.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone at once");
        return;
    }
    let service =
        service_fn(move |request: Request<Incoming>| door.clone().call(request.map(Body::new)));
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    let watched = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = watched.await {
            tracing::debug!(%error, "a connection ended with an error");
        }
        drop(permit);
    });
}

fn builder(limits: &ServerLimits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(limits.stream_window)
        .initial_connection_window_size(limits.connection_window)
        .max_concurrent_streams(limits.streams_per_connection)
        .max_header_list_size(limits.header_bytes)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .keep_alive_interval(limits.keepalive_interval)
        .keep_alive_timeout(limits.keepalive_timeout);
    builder
}
