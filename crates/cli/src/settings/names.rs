//! Names that are near, names that Kubernetes makes, and texts that may be shown.

use crate::visible;
use std::ffi::OsStr;

/// How far a name may be from one that is meant, in typing errors.
const FAR: usize = 3;

/// The known name that is most like this one, if one is.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let distance = |known: &&str| strsim::damerau_levenshtein(&lower, &known.to_lowercase());
    let (far, near) = known.into_iter().map(|known| (distance(&known), known)).min()?;
    // What all variables begin with makes them no more alike.
    let length = near.trim_start_matches("BROKER_").len();
    (far <= FAR.min(length / 2)).then_some(near)
}

/// "did you mean ...?", or what else to do.
pub fn advice<'a>(name: &str, known: impl IntoIterator<Item = &'a str>, otherwise: &str) -> String {
    match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => otherwise.to_owned(),
    }
}

/// Whether Kubernetes sets a variable of this name and value in every pod, because a service of the
/// namespace has such a name: `X_SERVICE_HOST`, `X_SERVICE_PORT[_NAME]`, `X_PORT=tcp://...`,
/// `X_PORT_8080_TCP[_PROTO|_PORT|_ADDR]`.
pub fn is_service_link(name: &str, value: &OsStr) -> bool {
    if name.ends_with("_SERVICE_HOST") || name.contains("_SERVICE_PORT") {
        return true;
    }
    if name.ends_with("_PORT") && is_link(value) {
        return true;
    }
    name.match_indices("_PORT_").any(|(at, found)| is_port(&name[at + found.len()..]))
}

/// Whether this is `8080_TCP`, or `8080_TCP_ADDR` and the like.
fn is_port(text: &str) -> bool {
    let mut parts = text.split('_');
    let number = parts.next().is_some_and(|number| number.parse::<u16>().is_ok());
    let protocol = matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"));
    let what = matches!(parts.next(), None | Some("PROTO" | "PORT" | "ADDR"));
    number && protocol && what && parts.next().is_none()
}

fn is_link(value: &OsStr) -> bool {
    let value = value.as_encoded_bytes();
    ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme.as_bytes()))
}

/// A value as it may be shown: no control characters, and no user name and password of a URL.
pub fn shown(value: &[u8]) -> String {
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = visible::write(&mut text, value);
    without_userinfo(&String::from_utf8_lossy(&text))
}

/// What stands between `://` and the last `@` before a blank or a comma is a secret.
fn without_userinfo(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find([' ', ',']).unwrap_or(rest.len());
    let (one, others) = rest.split_at(end);
    let one = match one.rsplit_once('@') {
        Some((_, host)) => format!("***@{host}"),
        None => one.to_owned(),
    };
    format!("{scheme}://{one}{}", without_userinfo(others))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_nothing_far() {
        let known = ["listen", "admin-listen", "grace", "data-dir"];
        for (name, near) in [
            ("lisen", Some("listen")),
            ("Listen", Some("listen")),
            ("data_dir", Some("data-dir")),
            ("gracee", Some("grace")),
            ("grape", Some("grace")),
            ("x", None),
            ("postgres-host", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), near, "{name}");
        }
    }

    #[test]
    fn what_all_variables_begin_with_makes_them_no_more_alike() {
        let known = ["BROKER_GRACE", "BROKER_LISTEN"];
        assert_eq!(nearest("BROKER_LISEN", known), Some("BROKER_LISTEN"));
        assert_eq!(nearest("BROKER_FORCE", known), None);
        assert_eq!(nearest("BROKER_X", known), None);
    }

    #[test]
    fn variables_of_service_links_are_known() {
        for (name, value) in [
            ("BROKER_SERVICE_HOST", "10.0.0.1"),
            ("BROKER_SERVICE_PORT", "8080"),
            ("BROKER_SERVICE_PORT_GRPC", "8080"),
            ("BROKER_PORT", "tcp://10.0.0.1:8080"),
            ("BROKER_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("BROKER_PORT_8080_TCP_PROTO", "tcp"),
            ("BROKER_PORT_8080_TCP_PORT", "8080"),
            ("BROKER_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("BROKER_PORT_53_UDP_PORT", "53"),
            ("BROKER_ADMIN_PORT_9901_TCP", "tcp://10.0.0.1:9901"),
        ] {
            assert!(is_service_link(name, value.as_ref()), "{name}");
        }
        for (name, value) in [
            ("BROKER_PORT", "8080"),
            ("BROKER_LISTEN", "tcp://10.0.0.1:8080"),
            ("BROKER_PORT_8080", "x"),
            ("BROKER_PORT_X_TCP", "x"),
            ("BROKER_PORT_8080_TCP_NAME", "x"),
            ("BROKER_SERVICE", "x"),
        ] {
            assert!(!is_service_link(name, value.as_ref()), "{name}");
        }
    }

    #[test]
    fn a_shown_value_has_no_control_characters_and_no_passwords() {
        for (value, expected) in [
            ("a\x1b[2Jb", "a\\u{1b}[2Jb"),
            ("http://host:1/p", "http://host:1/p"),
            ("postgres://me:pa/s@w@host/db", "postgres://***@host/db"),
            ("http://a@b, http://c:d@e", "http://***@b, http://***@e"),
            ("me@host", "me@host"),
        ] {
            assert_eq!(shown(value.as_bytes()), expected);
        }
    }
}
