//! Names, hosts and passwords of databases.

use crate::settings::kind::Form;

/// Who connects, and what to.
pub const WORD: &Form = &Form { allowed: "a text without control characters", placeholder: "NAME" };

/// What nobody is shown.
pub const PASSWORD: &Form =
    &Form { allowed: "a text without control characters", placeholder: "SECRET" };

/// A schema or a keyspace.
pub const IDENTIFIER: &Form = &Form {
    allowed: "lower-case letters, digits and _, at most 48, the first one a letter",
    placeholder: "NAME",
};

/// Some text.
pub fn word(text: &str) -> Option<String> {
    let is_allowed = !text.is_empty() && !text.chars().any(char::is_control);
    is_allowed.then(|| text.to_owned())
}

/// The name of a schema or a keyspace: what both databases take without quotes. PostgreSQL keeps what
/// begins with `pg_` for itself.
pub fn identifier(text: &str) -> Option<String> {
    let is_of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_allowed = text.len() <= 48
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(is_of_name)
        && !text.starts_with("pg_");
    is_allowed.then(|| text.to_owned())
}

/// What looks like a URL or has a blank or a comma is no host.
pub fn is_host(text: &str) -> bool {
    !text.is_empty()
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "/,@".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_need_no_quotes() {
        let longest = "a".repeat(48);
        for text in ["broker", "broker_2", "b", &longest] {
            assert_eq!(identifier(text).as_deref(), Some(text));
        }
        for text in ["", "Broker", "2b", "_b", "a-b", "a\"b", "é", "pg_x", &format!("{longest}a")]
        {
            assert_eq!(identifier(text), None, "{text}");
        }
    }
}
