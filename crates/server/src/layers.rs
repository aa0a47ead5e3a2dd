//! What a request passes before it is answered, from the outside in.
//!
//! 1. The origin rule comes first: a page whose origin is not listed learns nothing. Preflights are
//!    answered here, and what comes back out to a listed page gets the headers that let it be read.
//! 2. gRPC-Web is made gRPC, behind the origin rule, because its answers need those headers too.
//! 3. What is not gRPC is turned away in the words of HTTP.
//! 4. The call begins: from here on the observer hears of it, so it hears of refusals too.
//! 5. The limit on calls, before anything is read of the request.
//! 6. The call itself. The broker's own calls look first whether it is closing.
//!
//! Plain gRPC without an origin, the hot path, passes none of the boxes that the others need.

use crate::{
    call::{self, Call},
    observe::RpcObserver,
    origin::{self, Origins, Verdict},
    reply,
    service::{Method, Service},
    shutdown::{Phase, Watch},
    side::{Side, SideMethod},
    status::Problem,
    trace::{self, CallTrace, Tracing},
    usage::Meters,
};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Version, header};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::Semaphore;
use tonic::body::Body;
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::{Layer, ServiceExt};
use tracing::Instrument;

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// The whole stack. Cheap to clone.
#[derive(Clone)]
pub struct Door {
    origins: Arc<Origins>,
    grpc: Grpc,
    web: GrpcWebService<Grpc>,
}

impl Door {
    pub fn new(origins: Origins, grpc: Grpc) -> Self {
        let web = GrpcWebLayer::new().layer(grpc.clone());
        Self { origins: Arc::new(origins), grpc, web }
    }

    async fn answer_web(self, mut request: Request<Body>) -> Response<Body> {
        drop_parameters(request.headers_mut());
        self.web.oneshot(request).await.unwrap_or_else(|never| match never {})
    }

    async fn answer_page(
        self,
        origin: http::HeaderValue,
        request: Request<Body>,
    ) -> Response<Body> {
        if origin::is_preflight(&request) {
            return origin::preflight(origin, request.headers());
        }
        let mut response = if is_web(request.headers()) {
            self.answer_web(request).await
        } else {
            self.grpc.answer(request).await
        };
        origin::allow(&mut response, origin);
        response
    }
}

impl hyper::service::Service<Request<Incoming>> for Door {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        match self.origins.judge(request.headers()) {
            Verdict::Program if is_web(request.headers()) => {
                let door = self.clone();
                Box::pin(async move { Ok(door.answer_web(request.map(Body::new)).await) })
            }
            Verdict::Program => {
                let grpc = self.grpc.clone();
                Box::pin(async move { Ok(grpc.answer(request).await) })
            }
            Verdict::Page(origin) => {
                let door = self.clone();
                Box::pin(async move { Ok(door.answer_page(origin, request.map(Body::new)).await) })
            }
            Verdict::Refused => Box::pin(async { Ok(origin::refusal()) }),
        }
    }
}

/// The services behind the door, for requests that are gRPC.
#[derive(Clone)]
pub struct Grpc(Arc<Inner>);

struct Inner {
    service: Service,
    side: Side,
    watch: Watch,
    calls: Arc<Semaphore>,
    side_calls: Arc<Semaphore>,
    observer: Arc<dyn RpcObserver>,
    tracing: Tracing,
}

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Broker(Method),
    Side(SideMethod),
    Nothing,
}

impl Grpc {
    /// `meters` measure the limits on calls.
    pub fn new(
        service: Service,
        side: Side,
        watch: Watch,
        limits: &crate::ServerLimits,
        observer: Arc<dyn RpcObserver>,
        tracing: Tracing,
        meters: &Meters,
    ) -> Self {
        let calls = Arc::new(Semaphore::new(limits.calls));
        meters.permits("calls", &calls, limits.calls);
        let side_calls = Arc::new(Semaphore::new(limits.side_calls));
        meters.permits("side_calls", &side_calls, limits.side_calls);
        Self(Arc::new(Inner { service, side, watch, calls, side_calls, observer, tracing }))
    }

    async fn answer<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if let Some(refused) = refuse_other_than_grpc(&request) {
            return refused;
        }
        let inner = &*self.0;
        let (target, name) = target(request.uri().path());
        let mut call = Call::begin(inner.observer.clone(), name);
        if let Target::Broker(_) = target {
            call.traced(inner.tracing.call(name, request.headers()));
        }
        let (limit, calls) = match target {
            Target::Side(_) => ("side_calls", &inner.side_calls),
            Target::Broker(_) | Target::Nothing => ("calls", &inner.calls),
        };
        match calls.clone().try_acquire_owned() {
            Ok(permit) => call.hold(permit),
            Err(_) => {
                inner.observer.overloaded(limit);
                return reply::problem(Problem::Overloaded(limit), call);
            }
        }
        match target {
            Target::Broker(method) => {
                let CallTrace { span, context, .. } = call.trace().clone();
                let answer = inner.service.answer(method, request, call).instrument(span);
                let mut response = answer.await;
                if let Some(context) = context {
                    trace::tell_caller(response.headers_mut(), context);
                }
                response
            }
            Target::Side(method) => {
                let deadline = match call::timeout(request.headers()) {
                    Ok(deadline) => deadline,
                    Err(problem) => return reply::problem(problem, call),
                };
                let watch = inner.watch.clone();
                let response = inner.side.answer(method, request.map(Body::new)).await;
                reply::watched(response, call, end_of_side_call(watch, deadline))
            }
            Target::Nothing => reply::problem(Problem::NoSuchMethod, call),
        }
    }
}

/// When and why a call of a service that knows neither deadlines nor leaving is ended.
async fn end_of_side_call(mut watch: Watch, deadline: Option<Duration>) -> Problem {
    let leaving = watch.reached(Phase::Leaving);
    let in_time = match deadline {
        Some(deadline) => tokio::time::timeout(deadline, leaving).await.is_ok(),
        None => {
            leaving.await;
            true
        }
    };
    if in_time { watch.farewell() } else { Problem::DeadlineExceeded }
}

/// What gRPC-Web's translation calls.
impl tower::Service<Request<Body>> for Grpc {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        let grpc = self.clone();
        Box::pin(async move { Ok(grpc.answer(request).await) })
    }
}

fn target(path: &str) -> (Target, &'static str) {
    use Target::{Broker, Side};
    match path {
        "/broker.Broker/Publish" => (Broker(Method::Publish), call::PUBLISH),
        "/broker.Broker/Fetch" => (Broker(Method::Fetch), "broker.Broker/Fetch"),
        "/broker.Broker/Subscribe" => (Broker(Method::Subscribe), "broker.Broker/Subscribe"),
        "/broker.Broker/PublishStream" => {
            (Broker(Method::PublishStream), "broker.Broker/PublishStream")
        }
        "/grpc.health.v1.Health/Check" => (Side(SideMethod::Check), "grpc.health.v1.Health/Check"),
        "/grpc.health.v1.Health/Watch" => (Side(SideMethod::Watch), "grpc.health.v1.Health/Watch"),
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" => (
            Side(SideMethod::Reflection),
            "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        ),
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" => (
            Side(SideMethod::ReflectionAlpha),
            "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        ),
        _ => (Target::Nothing, "unknown"),
    }
}

fn is_web(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|kind| kind.starts_with(b"application/grpc-web"))
}

/// Leaves the kind alone: the translation knows no `; charset=utf-8` behind it.
fn drop_parameters(headers: &mut HeaderMap) {
    let Some(end) = media_type(headers).and_then(|kind| kind.iter().position(|at| *at == b';'))
    else {
        return;
    };
    if let Some(kind) = headers.get_mut(header::CONTENT_TYPE)
        && let Ok(bare) = http::HeaderValue::from_bytes(kind.as_bytes()[..end].trim_ascii_end())
    {
        *kind = bare;
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    media_type(headers).and_then(|kind| kind.strip_prefix(b"application/grpc")).is_some_and(
        |rest| rest.is_empty() || rest.starts_with(b"+proto") || rest.starts_with(b";"),
    )
}

fn media_type(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(header::CONTENT_TYPE).map(http::HeaderValue::as_bytes)
}

/// Says in HTTP's words what is missing: who is here by mistake does not read gRPC's.
fn refuse_other_than_grpc<B>(request: &Request<B>) -> Option<Response<Body>> {
    let (code, why) = if !is_grpc(request.headers()) {
        let why = "this port speaks gRPC and gRPC-Web: content-type is application/grpc[-web]\n";
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, why)
    } else if request.method() != http::Method::POST {
        (StatusCode::METHOD_NOT_ALLOWED, "a call is a POST request\n")
    } else if request.version() != Version::HTTP_2 && !is_translated(request) {
        (StatusCode::HTTP_VERSION_NOT_SUPPORTED, "gRPC needs HTTP/2; gRPC-Web does not\n")
    } else {
        return None;
    };
    let mut response = Response::new(Body::new(http_body_util::Full::from(why)));
    *response.status_mut() = code;
    let text = http::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    Some(response)
}

/// gRPC-Web's translation leaves the version and sets this header, which HTTP/1 clients do not send.
fn is_translated<B>(request: &Request<B>) -> bool {
    request.headers().get(header::TE).is_some_and(|te| te == "trailers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart() {
        let kind = |text| {
            let headers = HeaderMap::from_iter([(
                header::CONTENT_TYPE,
                http::HeaderValue::from_static(text),
            )]);
            (is_grpc(&headers), is_web(&headers))
        };
        for grpc in ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"]
        {
            assert_eq!(kind(grpc), (true, false), "{grpc}");
        }
        for web in
            ["application/grpc-web", "application/grpc-web+proto", "application/grpc-web-text"]
        {
            assert_eq!(kind(web), (false, true), "{web}");
        }
        for other in ["application/grpcx", "application/json", "application/grpc+json", ""] {
            assert_eq!(kind(other), (false, false), "{other}");
        }
    }
}
