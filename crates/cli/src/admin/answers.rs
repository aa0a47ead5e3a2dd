//! What the admin port answers; its calls are described in `broker-server`'s `admin/calls.rs`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A page of subjects.
#[derive(Debug, Deserialize)]
pub struct Page {
    pub subjects: Vec<Row>,
    /// How to go on; none at the end.
    pub next: Option<Next>,
}

/// A subject, and what is kept of it. Printed as JSON with the same names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Row {
    pub subject: String,
    pub last_id: u64,
    pub messages: u64,
    pub bytes: u64,
    /// RFC 3339 in UTC; none if no message expires.
    pub next_expiry: Option<String>,
}

/// The fields with which the next call goes on.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Next {
    pub after: Option<String>,
    /// The last row counts only what is up to this id.
    pub after_id: Option<u64>,
}

/// What a subject keeps up to an id.
#[derive(Debug, Deserialize)]
pub struct Counted {
    #[serde(flatten)]
    pub row: Row,
    pub up_to: u64,
    pub next: Option<Next>,
}

/// What was purged. Printed as JSON with the same names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Purged {
    pub subject: String,
    pub up_to: u64,
    /// None if the broker did not count them.
    pub messages: Option<u64>,
    pub bytes: Option<u64>,
}

/// The levels of the log. Printed as JSON with the same names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Levels {
    pub level: String,
    /// That of the start, and of the next one.
    pub start: String,
}

impl Row {
    /// Adds the count of the subject's next part.
    pub fn add(&mut self, part: Self) {
        self.last_id = self.last_id.max(part.last_id);
        self.messages += part.messages;
        self.bytes += part.bytes;
        let expiries = self.next_expiry.take().into_iter().chain(part.next_expiry);
        // As texts they do not order: digits of a second are left out where they are zero.
        self.next_expiry = expiries.min_by_key(|time| time.parse::<Timestamp>().ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up() {
        let row = |messages, next_expiry: Option<&str>| Row {
            subject: "s".into(),
            last_id: 7,
            messages,
            bytes: messages * 10,
            next_expiry: next_expiry.map(str::to_owned),
        };
        let (early, late) = (Some("2026-11-25T02:07:12Z"), Some("2026-11-25T02:07:12.5Z"));
        for (one, other, first) in
            [(early, late, early), (late, early, early), (None, late, late), (None, None, None)]
        {
            let mut sum = row(2, one);
            sum.add(row(3, other));
            assert_eq!(sum, row(5, first));
        }
    }
}
