//! What a request passes before it is answered, from the outside in.

use crate::service::BrokerService;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use std::{
    collections::BTreeSet,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tonic::{Code, Status, body::Body, service::Routes};
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::{Layer, Service, ServiceExt};
use tower_http::cors::{Cors, CorsLayer};

/// Headers of an answer that a page may read.
const EXPOSED: [header::HeaderName; 3] = [
    header::HeaderName::from_static("grpc-status"),
    header::HeaderName::from_static("grpc-message"),
    header::HeaderName::from_static("grpc-status-details-bin"),
];

/// The whole stack.
///
/// 1. The origin rule comes first: a page of an origin that is not listed learns nothing.
/// 2. Calls to the broker over plain gRPC go straight to it: this is the hot path.
/// 3. The rest passes CORS (preflights are answered there), then gRPC-Web (which makes gRPC of it),
///    then the routes: broker, health, reflection.
#[derive(Clone)]
pub struct Door {
    origins: Arc<BTreeSet<String>>,
    broker: BrokerService,
    rest: Cors<GrpcWebService<Routes>>,
}

impl Door {
    /// The stack over these services; pages of `origins` may call it.
    ///
    /// # Errors
    /// The origin that cannot stand in a header.
    pub fn new(origins: &[String], broker: BrokerService, routes: Routes) -> Result<Self, String> {
        let mut allowed = Vec::new();
        for origin in origins {
            allowed.push(HeaderValue::from_str(origin).map_err(|_| origin.clone())?);
        }
        let cors = CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::POST])
            .allow_headers(tower_http::cors::AllowHeaders::mirror_request())
            .expose_headers(EXPOSED);
        let rest = cors.layer(GrpcWebLayer::new().layer(routes));
        Ok(Self { origins: Arc::new(origins.iter().cloned().collect()), broker, rest })
    }

    fn is_refused(&self, request: &Request<Body>) -> bool {
        request
            .headers()
            .get_all(header::ORIGIN)
            .iter()
            .any(|origin| !origin.to_str().is_ok_and(|origin| self.origins.contains(origin)))
    }
}

/// Refused in both languages: by HTTP's status for a page, by gRPC's for a client.
fn refusal() -> Response<Body> {
    let status = Status::new(
        Code::PermissionDenied,
        "requests of this origin are refused; the broker's setting web-origin lists those that are not",
    );
    let mut response = status.into_http();
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

fn is_plain_grpc(request: &Request<Body>) -> bool {
    let Some(kind) = request.headers().get(header::CONTENT_TYPE) else { return false };
    let kind = kind.as_bytes();
    let is_grpc = kind == b"application/grpc"
        || kind.starts_with(b"application/grpc+")
        || kind.starts_with(b"application/grpc;");
    is_grpc && !request.headers().contains_key(header::ORIGIN)
}

impl Service<Request<Body>> for Door {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if self.is_refused(&request) {
            return Box::pin(async { Ok(refusal()) });
        }
        if is_plain_grpc(&request) && request.uri().path().starts_with("/broker.Broker/") {
            return self.broker.call(request);
        }
        let rest = self.rest.clone();
        Box::pin(
            async move { Ok(rest.oneshot(request).await.unwrap_or_else(|never| match never {})) },
        )
    }
}
