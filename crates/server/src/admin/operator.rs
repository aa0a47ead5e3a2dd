//! An operator's calls: `POST /v1/NAME` with a JSON object, answered with one.
//!
//! Nobody is asked who he is, so no web page may call. Every browser sends Origin with a POST, to
//! the page's own host too: a request that has it is refused, whatever it says, and so is the page
//! that had its own name point to this address (DNS rebinding). That a body must say that it is JSON
//! keeps forms out as well.

use super::{
    calls::{self, Call},
    fields::Fields,
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
    /// One for each call.
    room: Room,
}

impl Operator {
    pub fn new(health: Health, meters: &Meters) -> Self {
        let room = Room::new("operator_calls", OPERATOR_CALLS, Arc::new(NoRpcObserver));
        room.measured_by(meters);
        Self { health, room }
    }

    async fn serve(&self, request: Request<Body>) -> Result<Vec<u8>, Refusal> {
        let (head, body) = request.into_parts();
        if head.headers.contains_key(header::ORIGIN) {
            return Err(Refusal::web_page());
        }
        let call = Call::at(head.uri.path()).ok_or_else(|| Refusal::unknown(head.uri.path()))?;
        if head.method != Method::POST {
            return Err(Refusal::method(&head.method));
        }
        check_content_type(&head.headers)?;
        let broker = match (self.health.state(), self.health.broker()) {
            (State::Closing, _) => return Err(Refusal::closing()),
            (State::Standby(_) | State::Fenced, _) => return Err(Refusal::standby()),
            (State::Away(_), _) => return Err(Refusal::storage()),
            (State::Starting, _) | (_, None) => return Err(Refusal::starting()),
            (State::Serving | State::ReadOnly(_), Some(broker)) => broker,
        };
        let _share = self.room.take(1).await.map_err(|_| Refusal::overloaded("operator_calls"))?;
        let fields = Fields::read(&receive(body).await?)?;
        calls::answer(broker, call, fields).await
    }
}

/// Answers a request to any path below `/v1`.
pub async fn answer(operator: extract::State<Operator>, request: Request<Body>) -> Response<Body> {
    match operator.serve(request).await {
        Ok(json) => object(StatusCode::OK, json).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// A JSON object, which nobody keeps.
pub fn object(status: StatusCode, json: Vec<u8>) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, json)
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
