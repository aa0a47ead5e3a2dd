//! Whether the broker serves, for gRPC health checks and the admin pages. It is looked up when it is
//! asked for, so no answer is older than its question.

use crate::{
    opening::{Opening, Wait},
    shutdown::{Phase, Watch},
};
use broker_core::{Broker, Writable};
use futures_util::{Stream, stream};
use std::{pin::Pin, time::Duration};
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_server::Health as HealthService,
};

/// How often the state is looked up for who watches it.
const INTERVAL: Duration = Duration::from_millis(250);

/// What the broker is, as far as others should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is not open yet.
    Starting,
    /// Its database cannot be reached, or it may have lost the store; why.
    Away(String),
    /// Another broker owns the store (what is known of it); this one takes over when that ends.
    Standby(String),
    /// It serves.
    Serving,
    /// It reads, but takes no stored messages until it is started anew; why.
    ReadOnly(String),
    /// It is leaving.
    Closing,
    /// Another broker took the store over; this one leaves.
    Fenced,
}

impl State {
    /// Every state, with its name in metrics.
    pub const NAMES: [&'static str; 7] =
        ["starting", "away", "standby", "serving", "read_only", "closing", "fenced"];

    /// Its name among them.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Away(_) => "away",
            Self::Standby(_) => "standby",
            Self::Serving => "serving",
            Self::ReadOnly(_) => "read_only",
            Self::Closing => "closing",
            Self::Fenced => "fenced",
        }
    }
}

/// Tells what the broker is.
#[derive(Clone)]
pub struct Health {
    opening: Opening,
    watch: Watch,
}

impl Health {
    pub(crate) fn new(opening: Opening, watch: Watch) -> Self {
        Self { opening, watch }
    }

    /// The broker, once there is one.
    #[must_use]
    pub fn broker(&self) -> Option<Broker> {
        self.opening.broker().ok().cloned()
    }

    /// Where an acknowledgement is worth less than it should be.
    pub(crate) fn warnings(&self) -> &[String] {
        self.opening.warnings()
    }

    /// Why what is to be stored is refused for now, where the broker serves all the same.
    pub(crate) fn shortage(&self) -> Option<String> {
        match self.broker()?.writable() {
            Writable::Full(bound) => Some(format!("the limit on {bound} is reached")),
            Writable::Unavailable(why) => Some(why),
            Writable::Yes | Writable::Closed(_) => None,
        }
    }

    /// What it is now.
    #[must_use]
    pub fn state(&self) -> State {
        if self.watch.is(Phase::Closing) {
            return if self.watch.is_fenced() { State::Fenced } else { State::Closing };
        }
        let Ok(broker) = self.opening.broker() else { return self.waiting() };
        if !broker.is_owner() {
            return State::Away("another broker may have taken the store over".to_owned());
        }
        match broker.writable() {
            Writable::Closed(why) => State::ReadOnly(why),
            // Full or away for now: it serves what it can, and says so call by call. Nobody else could
            // do better, and who is sent nowhere hears no reason.
            Writable::Yes | Writable::Full(_) | Writable::Unavailable(_) => State::Serving,
        }
    }

    fn waiting(&self) -> State {
        match self.opening.wait() {
            Wait::Unknown | Wait::Over => State::Starting,
            Wait::Away(why) => State::Away(why),
            Wait::Standby(owner) => State::Standby(owner),
        }
    }

    /// The state of a service by its name; the empty name stands for all.
    fn status(&self, service: &str) -> Option<ServingStatus> {
        match (service, self.state()) {
            ("" | broker_proto::SERVICE, State::Serving) => Some(ServingStatus::Serving),
            ("" | broker_proto::SERVICE, _) => Some(ServingStatus::NotServing),
            _ => None,
        }
    }
}

type Changes = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

#[tonic::async_trait]
impl HealthService for Health {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let status = self.status(&request.into_inner().service);
        let status = status.ok_or_else(|| Status::not_found("no service of that name"))?;
        Ok(Response::new(HealthCheckResponse { status: status.into() }))
    }

    type WatchStream = Changes;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Changes>, Status> {
        let watcher = Watcher {
            health: self.clone(),
            service: request.into_inner().service,
            ticks: tokio::time::interval(INTERVAL),
            told: None,
        };
        let changes = stream::unfold(watcher, |mut watcher| async {
            let status = watcher.next().await.into();
            Some((Ok(HealthCheckResponse { status }), watcher))
        });
        Ok(Response::new(Box::pin(changes)))
    }
}

struct Watcher {
    health: Health,
    service: String,
    ticks: tokio::time::Interval,
    told: Option<ServingStatus>,
}

impl Watcher {
    /// The state when it is another than the last one told.
    async fn next(&mut self) -> ServingStatus {
        loop {
            let status = self.health.status(&self.service);
            let status = status.unwrap_or(ServingStatus::ServiceUnknown);
            if self.told.replace(status) != Some(status) {
                return status;
            }
            let is_closing = self.health.watch.is(Phase::Closing);
            tokio::select! {
                _ = self.ticks.tick() => {}
                () = self.health.watch.reached(Phase::Closing), if !is_closing => {}
            }
        }
    }
}
