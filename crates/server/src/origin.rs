//! Which web pages may call the broker.
//!
//! A browser says in the header Origin which page a request comes from. Requests of pages that are
//! not listed are refused, so that no page reads or writes somebody's broker by chance; requests
//! without the header come from programs.

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use tonic::{Code, Status, body::Body};

/// Headers of an answer that a page may read.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("grpc-status,grpc-message,grpc-status-details-bin,traceparent");

/// How long a browser may remember what it was allowed, in seconds.
const REMEMBERED: HeaderValue = HeaderValue::from_static("7200");

/// The origins whose pages may call.
#[derive(Debug, Clone, Default)]
pub struct Origins(Vec<HeaderValue>);

/// What the origin of a request means.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It comes from no page.
    Program,
    /// It comes from a page that may call.
    Page(HeaderValue),
    /// It comes from a page that may not.
    Refused,
}

impl Origins {
    /// Origins as browsers write them: scheme, host, and the port if it is not the scheme's own.
    ///
    /// # Errors
    /// The first text that no browser would send.
    pub fn new(origins: &[String]) -> Result<Self, String> {
        let value = |origin: &String| {
            let value = is_origin(origin).then(|| HeaderValue::from_str(origin).ok()).flatten();
            value.ok_or_else(|| origin.clone())
        };
        origins.iter().map(value).collect::<Result<_, _>>().map(Self)
    }

    pub fn judge(&self, headers: &HeaderMap) -> Verdict {
        let mut named = headers.get_all(header::ORIGIN).iter();
        match (named.next(), named.next()) {
            (None, _) => Verdict::Program,
            (Some(origin), None) if self.0.contains(origin) => Verdict::Page(origin.clone()),
            (Some(_), _) => Verdict::Refused,
        }
    }
}

/// Whether a browser may send this as an origin: `scheme://host` or `scheme://host:port`, in small
/// letters.
#[must_use]
pub fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let is_plain = |c: char| c.is_ascii_graphic() && !c.is_ascii_uppercase();
    !scheme.is_empty()
        && !host.is_empty()
        && text.chars().all(is_plain)
        && !host.contains(['/', '?', '#', '@', '*'])
}

/// Refused in both languages: by HTTP's status for a page, by gRPC's for a client.
pub fn refusal() -> Response<Body> {
    let status = Status::new(
        Code::PermissionDenied,
        "requests of this web origin are refused: the broker's setting web-origin does not list it",
    );
    let mut response = status.into_http();
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

/// Whether a browser asks if it may make a request.
pub fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Yes, with whatever headers.
pub fn preflight(origin: HeaderValue, asked: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    if let Some(wanted) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, REMEMBERED);
    allow(&mut response, origin);
    response
}

/// Lets the page read the answer.
pub fn allow(response: &mut Response<Body>, origin: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_send_them() {
        for good in ["https://app.example", "http://localhost:3000", "http://[::1]:8080"] {
            assert!(Origins::new(&[good.into()]).is_ok(), "{good}");
        }
        for bad in ["", "*", "app.example", "https://", "https://App.example", "https://a/", "://a"]
        {
            assert_eq!(Origins::new(&[bad.into()]).map(|_| ()), Err(bad.to_owned()));
        }
    }

    #[test]
    fn only_listed_pages_and_programs_pass() {
        let origins = Origins::new(&["https://app.example".into()]).unwrap();
        let mut headers = HeaderMap::new();
        assert_eq!(origins.judge(&headers), Verdict::Program);
        let listed = HeaderValue::from_static("https://app.example");
        headers.insert(header::ORIGIN, listed.clone());
        assert_eq!(origins.judge(&headers), Verdict::Page(listed));
        headers.append(header::ORIGIN, HeaderValue::from_static("https://evil.example"));
        assert_eq!(origins.judge(&headers), Verdict::Refused);
        headers.insert(header::ORIGIN, HeaderValue::from_static("null"));
        assert_eq!(origins.judge(&headers), Verdict::Refused);
    }
}
