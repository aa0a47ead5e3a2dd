//! HTTP for operators, on a port of its own, from before the broker is open until it is gone.

mod calls;
mod fields;
mod operator;
mod refusal;

use crate::health::{Health, State};
use axum::{
    Router,
    routing::{any, get},
};
use http::StatusCode;
use hyper_util::service::TowerToHyperService;
use operator::Operator;

/// The pages, as a service of requests.
pub fn pages(health: Health) -> TowerToHyperService<Router> {
    TowerToHyperService::new(router(health))
}

fn router(health: Health) -> Router {
    let calls = Router::new()
        .route("/v1/{*call}", any(operator::answer))
        .with_state(Operator::new(health.clone()));
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/healthz", get(page))
        .route("/readyz", get(page))
        .with_state(health)
        .merge(calls)
}

/// `/healthz` asks whether the process is well, an owner or one that stands by; `/readyz` whether
/// calls should be sent here. While no broker stands by, the two are the same.
async fn page(health: axum::extract::State<Health>) -> (StatusCode, String) {
    let (code, text) = match health.state() {
        State::Serving => (StatusCode::OK, "serving".into()),
        State::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting".into()),
        State::Closing => (StatusCode::SERVICE_UNAVAILABLE, "closing".into()),
        State::ReadOnly(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not writing: {why}")),
    };
    (code, format!("{text}\n"))
}
