//! What an operator's call is answered with.

use axum::{body::Body, response::IntoResponse};
use http::{Response, StatusCode, header};

/// Bytes of some kind.
pub struct Answer {
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

impl Answer {
    /// A JSON object.
    pub fn json(bytes: Vec<u8>) -> Self {
        Self { media_type: "application/json", bytes }
    }

    /// The response, which nobody keeps.
    pub fn respond(self, status: StatusCode) -> Response<Body> {
        let headers = [
            (header::CONTENT_TYPE, self.media_type),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        (status, headers, self.bytes).into_response()
    }
}
