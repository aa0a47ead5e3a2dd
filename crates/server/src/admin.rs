//! HTTP for operators, on a port of its own.

use crate::health::{Health, Watch};
use axum::{Router, extract::State, routing::get};
use http::StatusCode;

/// The pages of the admin port.
pub fn router(health: Watch) -> Router {
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(health)
}

/// Whether the process should be kept: an owner that serves, or a healthy one on its way there.
async fn healthz(State(health): State<Watch>) -> (StatusCode, String) {
    match health.now() {
        Health::Serving => (StatusCode::OK, "serving\n".into()),
        other => unavailable(&other),
    }
}

/// Whether calls should be sent here.
async fn readyz(State(health): State<Watch>) -> (StatusCode, String) {
    match health.now() {
        Health::Serving => (StatusCode::OK, "ready\n".into()),
        other => unavailable(&other),
    }
}

fn unavailable(health: &Health) -> (StatusCode, String) {
    let why = match health {
        Health::Serving => "serving",
        Health::Starting => "starting",
        Health::Closing => "closing",
        Health::ReadOnly(why) => why,
    };
    (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"))
}
