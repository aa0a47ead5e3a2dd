//! What the transport itself says of a failed call.

use std::error::Error;
use tonic::Status;

/// Why the transport failed a call, as far as it matters for a retry.
#[derive(Debug, PartialEq, Eq)]
pub enum Cause {
    /// There was no connection to send it on.
    Unreachable(String),
    /// The peer says that it did not look at the call: HTTP/2's REFUSED_STREAM, or a GOAWAY that names an
    /// earlier stream as the last one. (RFC 9113, 8.7: such a request may be sent again.)
    NotProcessed(String),
    /// The same, because the peer has too much to do: its limit on connections is reached.
    Calm(String),
    /// Anything else.
    Other,
}

/// The cause of a status, if the transport made it.
pub fn cause(status: &Status) -> Cause {
    let mut source = status.source();
    while let Some(error) = source {
        if error.is::<tonic::ConnectError>() {
            return Cause::Unreachable(innermost(error));
        }
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return of_http2(error);
        }
        source = error.source();
    }
    Cause::Other
}

/// HTTP/2 reports a GOAWAY only to those streams that it turns away; others go on to their own end.
fn of_http2(error: &h2::Error) -> Cause {
    let is_refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    if !error.is_remote() || !(error.is_go_away() || is_refused) {
        return Cause::Other;
    }
    if error.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM) {
        return Cause::Calm(error.to_string());
    }
    Cause::NotProcessed(error.to_string())
}

/// What a status says; of one that the transport made, its first cause: "transport error" alone helps
/// nobody.
pub fn text(status: &Status) -> String {
    status.source().map_or_else(|| status.message().to_owned(), innermost)
}

/// The text of the first cause.
pub fn innermost(mut error: &(dyn Error + 'static)) -> String {
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
