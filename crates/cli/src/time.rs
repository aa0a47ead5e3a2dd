//! Times as they are typed.

use std::time::Duration;

/// Reads a time such as `30s`, `1h 30m` or `250ms`.
///
/// # Errors
/// What is expected, for the one who typed it.
pub fn parse(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| "expected a time with its unit, such as 30s, 1h 30m or 250ms".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(parse("1m 30s"), Ok(Duration::from_secs(90)));
        for text in ["", "soon", "30", "-1s", "1 fortnight"] {
            assert!(parse(text).unwrap_err().contains("30s"), "{text}");
        }
    }
}
