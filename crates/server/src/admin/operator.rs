//! An operator's calls: `POST /v1/NAME` with a JSON object, answered with one.
//!
//! Nobody is asked who he is, so no web page may call. Every browser sends Origin with a POST, to
//! the page's own host too: a request that has it is refused, whatever it says, and so is the page
//! that had its own name point to this address (DNS rebinding). That a body must say that it is JSON
//! keeps forms out as well.

use super::{
    answer::Answer,
    calls::{self, Call},
    controls::Slot,
    fields::Fields,
    process::{self, ProcessCall},
    refusal::Refusal,
};
use crate::{
    health::{Health, State},
    limits::{OPERATOR_CALLS, OPERATOR_REQUEST, RECEIVE_PAUSE},
    observe::NoRpcObserver,
    room::Room,
    usage::Meters,
};
use axum::{body::Body, extract, response::IntoResponse};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::sync::Arc;
use tokio::time::timeout;

/// What answers an operator's calls.
#[derive(Clone)]
pub struct Operator {
    health: Health,
    controls: Slot,
    /// One for each call on the broker.
    room: Room,
}

/// What a path names.
enum Asked {
    Process(ProcessCall),
    Broker(Call),
}

impl Asked {
    fn at(path: &str) -> Option<Self> {
        let process = ProcessCall::at(path).map(Self::Process);
        process.or_else(|| Call::at(path).map(Self::Broker))
    }
}

impl Operator {
    pub fn new(health: Health, controls: Slot, meters: &Meters) -> Self {
        let room = Room::new("operator_calls", OPERATOR_CALLS, Arc::new(NoRpcObserver));
        room.measured_by(meters);
        Self { health, controls, room }
    }

    async fn serve(&self, request: Request<Body>) -> Result<Answer, Refusal> {
        if request.headers().contains_key(header::ORIGIN) {
            return Err(Refusal::web_page());
        }
        let path = request.uri().path();
        let asked = Asked::at(path).ok_or_else(|| Refusal::unknown(path))?;
        if request.method() != Method::POST {
            return Err(Refusal::method(request.method()));
        }
        check_content_type(request.headers())?;
        match asked {
            Asked::Process(call) => self.ask_process(call, request).await,
            Asked::Broker(call) => self.ask_broker(call, request.into_body()).await,
        }
    }

    async fn ask_process(
        &self,
        call: ProcessCall,
        request: Request<Body>,
    ) -> Result<Answer, Refusal> {
        let by = process::local_peer(&request)?;
        let controls = self.controls.get().ok_or_else(Refusal::starting)?;
        let fields = Fields::read(&receive(request.into_body()).await?)?;
        process::answer(controls, call, by, fields).await
    }

    async fn ask_broker(&self, call: Call, body: Body) -> Result<Answer, Refusal> {
        let broker = match (self.health.state(), self.health.broker()) {
            (State::Closing, _) => return Err(Refusal::closing()),
            (State::Standby(_) | State::Fenced, _) => return Err(Refusal::standby()),
            (State::Away(_), _) => return Err(Refusal::storage()),
            (State::Starting, _) | (_, None) => return Err(Refusal::starting()),
            (State::Serving | State::ReadOnly(_), Some(broker)) => broker,
        };
        let _share = self.room.take(1).await.map_err(|_| Refusal::overloaded("operator_calls"))?;
        let fields = Fields::read(&receive(body).await?)?;
        calls::answer(broker, call, fields).await.map(Answer::json)
    }
}

/// Answers a request to any path below `/v1`.
pub async fn answer(operator: extract::State<Operator>, request: Request<Body>) -> Response<Body> {
    match operator.serve(request).await {
        Ok(answer) => answer.respond(StatusCode::OK),
        Err(refusal) => refusal.into_response(),
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let value = headers.get(header::CONTENT_TYPE);
    let text = value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let kind = text.as_deref().and_then(|text| text.split(';').next()).unwrap_or_default();
    if kind.trim().eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Refusal::content_type(text.as_deref()))
}

async fn receive(body: Body) -> Result<Bytes, Refusal> {
    let received = timeout(RECEIVE_PAUSE, Limited::new(body, OPERATOR_REQUEST).collect()).await;
    match received {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::too_large()),
        Ok(Err(error)) => Err(Refusal::malformed(format!("the body cannot be read: {error}"))),
        Err(_) => Err(Refusal::slow()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_given_up() {
        let never = stream::pending::<Result<Frame<Bytes>, axum::Error>>();
        let refusal = receive(Body::new(StreamBody::new(never))).await.unwrap_err();
        assert_eq!(refusal, Refusal::slow());
    }
}
