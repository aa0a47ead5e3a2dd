//! A server that answers every call as a test wants, counts them, and is healthy all the time.

use crate::waiting::{PATIENCE, within};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{convert::Infallible, future, net::SocketAddr};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tonic::Status;

/// `HealthCheckResponse` with SERVING, and an empty message, each in gRPC's frame.
const SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
const EMPTY: &[u8] = &[0, 0, 0, 0, 0];

type Answered = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// How it answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// With an empty message.
    Ok,
    /// With a status, and nothing before it.
    Refused(Status),
    /// With a status after the headers of an answer, as a stream ends that had begun.
    Ended(Status),
    /// Never.
    None,
}

/// The server. It ends with this.
pub struct Fake {
    pub address: SocketAddr,
    calls: watch::Sender<u64>,
    task: JoinHandle<()>,
}

impl Fake {
    /// Starts one.
    pub async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let calls = watch::Sender::new(0);
        let task = tokio::spawn(serve(listener, answer, calls.clone()));
        Self { address, calls, task }
    }

    /// Calls so far, those of health aside.
    pub fn calls(&self) -> u64 {
        *self.calls.borrow()
    }

    /// Waits until so many calls have come whole.
    pub async fn called(&self, count: u64) {
        let mut calls = self.calls.subscribe();
        let called = within(PATIENCE, "a call comes", calls.wait_for(|calls| *calls >= count));
        called.await.expect("the sender is here");
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Takes connections until it is dropped, and them with it.
async fn serve(listener: TcpListener, answer: Answer, calls: watch::Sender<u64>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (answer, calls) = (answer.clone(), calls.clone());
        let service = service_fn(move |request| answered(request, answer.clone(), calls.clone()));
        let server = http2::Builder::new(TokioExecutor::new());
        connections.spawn(server.serve_connection(TokioIo::new(stream), service));
    }
}

async fn answered(
    request: Request<Incoming>,
    answer: Answer,
    calls: watch::Sender<u64>,
) -> Result<Answered, Infallible> {
    let is_health = request.uri().path().starts_with("/grpc.health.");
    // What is counted came whole; a cut leaves it unread.
    let Ok(_) = request.into_body().collect().await else { future::pending().await };
    if is_health {
        return Ok(message(SERVING, &Status::ok("")));
    }
    calls.send_modify(|calls| *calls += 1);
    match answer {
        Answer::Ok => Ok(message(EMPTY, &Status::ok(""))),
        Answer::Refused(status) => Ok(status.into_http()),
        Answer::Ended(status) => Ok(message(&[], &status)),
        Answer::None => future::pending().await,
    }
}

/// A message, if there is one, and after it a status.
fn message(frame: &'static [u8], status: &Status) -> Answered {
    let mut trailers = HeaderMap::new();
    status.add_header(&mut trailers).expect("it can be written");
    let body = Full::new(Bytes::from_static(frame))
        .with_trailers(future::ready(Some(Ok(trailers))))
        .boxed_unsync();
    let answer = Response::builder().header("content-type", "application/grpc").body(body);
    answer.expect("it is a response")
}
