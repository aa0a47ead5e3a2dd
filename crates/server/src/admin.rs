//! HTTP for operators, on a port of its own, from before the broker is open until it is gone.

use crate::{
    health::{Health, State},
    shutdown::{Phase, Watch},
};
use axum::{Router, routing::get};
use http::StatusCode;
use tokio::net::TcpListener;

/// Serves the pages until the server leaves.
pub async fn serve(listener: TcpListener, health: Health, watch: Watch) {
    let pages = router(health);
    let served = axum::serve(listener, pages)
        .with_graceful_shutdown(watch.reaching(Phase::Leaving))
        .into_future();
    tokio::select! {
        served = served => if let Err(error) = served {
            tracing::error!(%error, "the admin pages ended");
        },
        () = watch.reaching(Phase::Cut) => {}
    }
}

fn router(health: Health) -> Router {
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/healthz", get(page))
        .route("/readyz", get(page))
        .with_state(health)
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
