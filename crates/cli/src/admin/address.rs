//! Where an admin port is.

use super::AdminError;
use http::Uri;
use std::fmt;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// Reads `http://HOST:PORT`; the scheme may be left out, and without a port it is HTTP's own.
    pub fn parse(text: &str) -> Result<Self, AdminError> {
        let wrong = || AdminError::Address(text.escape_debug().to_string());
        let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let uri: Uri = full.parse().map_err(|_| wrong())?;
        let is_plain = uri.scheme_str() == Some("http")
            && matches!(uri.path(), "" | "/")
            && uri.query().is_none();
        let authority = uri.authority().filter(|_| is_plain).ok_or_else(wrong)?;
        let (host, rest) = (authority.host(), authority.as_str().strip_prefix(authority.host()));
        let port = match rest {
            Some("") => 80,
            // What is no number is no port, and neither is what stands before a host.
            Some(_) => authority.port_u16().ok_or_else(wrong)?,
            None => return Err(wrong()),
        };
        if host.is_empty() { Err(wrong()) } else { Ok(Self { host: host.to_owned(), port }) }
    }

    /// `HOST:PORT`
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_scheme_a_host_and_a_port() {
        for (text, authority) in [
            ("http://127.0.0.1:9901", "127.0.0.1:9901"),
            ("http://localhost:1/", "localhost:1"),
            ("http://[::1]:9901", "[::1]:9901"),
            ("http://broker", "broker:80"),
            ("127.0.0.1:9901", "127.0.0.1:9901"),
        ] {
            assert_eq!(Address::parse(text).unwrap().authority(), authority);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "https://127.0.0.1:9901",
            "http://",
            "http://a:99999",
            "http://a:",
            "http://:9901",
            "http://a:1/path",
            "http://a:1/?q",
            "http://user@a:1",
            "http://a b",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
