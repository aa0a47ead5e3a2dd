//! What is said of spans, by the names of OpenTelemetry's semantic conventions.

use broker_core::{
    Message,
    trace::{TARGET, end, number},
};
use tonic::Code;
use tracing::{Span, field::Empty, info_span};

/// Notes how a call ended, at its span.
pub fn ended(span: &Span, code: Code) {
    if span.is_disabled() {
        return;
    }
    span.record("rpc.grpc.status_code", code as i32);
    if is_failure(code) {
        span.record("otel.status_code", "ERROR");
    }
    end(span);
}

/// Whether a code speaks of a failure of the server, not of what its caller did.
fn is_failure(code: Code) -> bool {
    match code {
        Code::Unknown
        | Code::DeadlineExceeded
        | Code::Unimplemented
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => true,
        Code::Ok
        | Code::Cancelled
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unauthenticated => false,
    }
}

/// What was read of a publish stream at once.
pub fn submission(messages: usize) -> Span {
    info_span!(
        target: TARGET,
        parent: None,
        "submission",
        "otel.kind" = "server",
        "rpc.system" = "grpc",
        "rpc.service" = "broker.Broker",
        "rpc.method" = "PublishStream",
        "messaging.batch.message_count" = number(messages),
    )
}

/// Messages are handed to a subscription; this is the first of them.
pub fn delivery(message: &Message) -> Span {
    let span = info_span!(
        target: TARGET,
        parent: None,
        "deliver",
        "otel.kind" = "producer",
        "messaging.system" = "broker",
        "messaging.operation.name" = "deliver",
        "messaging.destination.name" = message.subject.as_str(),
        "messaging.message.id" = Empty,
        "messaging.message.body.size" = number(message.body.len()),
        "messaging.batch.message_count" = Empty,
    );
    if message.is_stored() {
        span.record("messaging.message.id", number(message.id.0));
    }
    span
}
