//! One call: its name, its deadline, and what is told of its end.

use crate::{
    observe::RpcObserver,
    status::Problem,
    trace::{self, CallTrace},
};
use http::HeaderMap;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::OwnedSemaphorePermit;
use tonic::{Code, Status};

/// The method that publishes one message.
pub const PUBLISH: &str = "broker.Broker/Publish";

/// A call from its request to its last frame. Dropped before it ended: the client went away.
pub struct Call {
    observer: Arc<dyn RpcObserver>,
    method: &'static str,
    begun: Instant,
    code: Code,
    trace: CallTrace,
    /// Its share of the limits on calls, given back with it.
    permits: [Option<OwnedSemaphorePermit>; 2],
}

impl Call {
    pub fn begin(observer: Arc<dyn RpcObserver>, method: &'static str) -> Self {
        observer.started(method);
        let begun = Instant::now();
        let (code, trace) = (Code::Cancelled, CallTrace::none());
        Self { observer, method, begun, code, trace, permits: [None, None] }
    }

    /// Has its end noted at its span.
    pub fn traced(&mut self, trace: CallTrace) {
        self.trace = trace;
    }

    /// What is known of its trace.
    pub fn trace(&self) -> &CallTrace {
        &self.trace
    }

    /// Holds its share of a limit until it ends.
    pub fn hold(&mut self, permit: OwnedSemaphorePermit) {
        if let Some(free) = self.permits.iter_mut().find(|held| held.is_none()) {
            *free = Some(permit);
        }
    }

    /// What its client is told.
    pub fn answer(&mut self, code: Code) {
        self.code = code;
    }

    /// What its client is told of what went wrong; the message that it carried is refused.
    pub fn refuse(&mut self, problem: Problem) -> Status {
        if self.method == PUBLISH {
            self.observer.refused(problem.reason(), 1);
        }
        let status = Status::from(problem);
        self.answer(status.code());
        status
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        trace::ended(&self.trace.span, self.code);
        self.observer.finished(self.method, self.code, self.begun.elapsed());
    }
}

/// The header `grpc-timeout`: one to eight digits and a unit, as gRPC over HTTP/2 defines it.
///
/// # Errors
/// When it is something else: a client whose deadline is not understood would wait for nothing.
pub fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Problem> {
    let Some(value) = headers.get("grpc-timeout") else { return Ok(None) };
    parse(value.as_bytes()).map(Some).ok_or(Problem::BadTimeout)
}

fn parse(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match unit {
        b'H' => Some(Duration::from_secs(count * 3_600)),
        b'M' => Some(Duration::from_secs(count * 60)),
        b'S' => Some(Duration::from_secs(count)),
        b'm' => Some(Duration::from_millis(count)),
        b'u' => Some(Duration::from_micros(count)),
        b'n' => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_grpc_defines_them() {
        assert_eq!(parse(b"1H"), Some(Duration::from_secs(3_600)));
        assert_eq!(parse(b"99999999S"), Some(Duration::from_secs(99_999_999)));
        assert_eq!(parse(b"250m"), Some(Duration::from_millis(250)));
        for wrong in [&b""[..], b"S", b"1", b"1s", b"+1S", b"123456789S", b"1.5S", b"-1S"] {
            assert_eq!(parse(wrong), None);
        }
    }
}
