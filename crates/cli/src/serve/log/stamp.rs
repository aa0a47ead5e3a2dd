//! When a line was written.

use jiff::Timestamp;

/// RFC 3339 in UTC, to the microsecond.
pub fn now() -> String {
    format!("{:.6}", Timestamp::now())
}
