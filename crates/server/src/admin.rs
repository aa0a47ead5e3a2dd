//! HTTP for operators, on a port of its own, from before the broker is open until it is gone.

mod answer;
mod calls;
mod controls;
mod fields;
mod metrics;
mod operator;
mod process;
mod refusal;

use crate::{
    health::{Health, State},
    usage::Meters,
};
use axum::{
    Router,
    routing::{any, get},
};
use http::StatusCode;
use hyper_util::service::TowerToHyperService;
use operator::Operator;

pub(crate) use controls::Slot;
pub use controls::{Controls, LogControl, LogLevels, Profile, ProfileError, Profiler};
pub use metrics::{MetricsFormat, MetricsPage};
pub(crate) use process::Peer;

/// The pages, as a service of requests.
pub fn pages(health: Health, controls: Slot, meters: &Meters) -> TowerToHyperService<Router> {
    TowerToHyperService::new(router(health, controls, meters))
}

fn router(health: Health, controls: Slot, meters: &Meters) -> Router {
    let calls = Router::new()
        .route("/v1/{*call}", any(operator::answer))
        .with_state(Operator::new(health.clone(), controls.clone(), meters));
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/healthz", get(well))
        .route("/readyz", get(ready))
        .with_state(health)
        .merge(Router::new().route("/metrics", get(metrics::answer)).with_state(controls))
        .merge(calls)
}

/// Whether the process is well: an owner, or one that stands by and would take over.
async fn well(health: axum::extract::State<Health>) -> (StatusCode, String) {
    let state = health.state();
    let is_well = matches!(state, State::Serving | State::Standby(_));
    (code(is_well), format!("{}\n", text(state)))
}

/// Whether calls should be sent here; below that what is refused for now, and what weakens the store's
/// promises.
async fn ready(health: axum::extract::State<Health>) -> (StatusCode, String) {
    let state = health.state();
    let is_ready = state == State::Serving;
    let mut lines = vec![text(state)];
    if is_ready {
        lines.extend(health.shortage().map(|why| format!("storing nothing for now: {why}")));
    }
    lines.extend(health.warnings().iter().cloned());
    (code(is_ready), lines.join("\n") + "\n")
}

fn code(is_fine: bool) -> StatusCode {
    if is_fine { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn text(state: State) -> String {
    match state {
        State::Serving => "serving".into(),
        State::Starting => "starting".into(),
        State::Away(why) => format!("away: {why}"),
        State::Standby(owner) => format!("standing by: {owner}"),
        State::ReadOnly(why) => format!("not writing: {why}"),
        State::Closing => "closing".into(),
        State::Fenced => "fenced: another broker owns the store".into(),
    }
}
