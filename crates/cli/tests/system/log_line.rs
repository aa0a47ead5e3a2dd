//! What every line of a broker's log must be.

use serde_json::Value;

/// What starts a line that tells of wrong settings: they come before there is a log.
const SENTENCE: &str = "broker: ";

/// What is wrong with a line that was written to a pipe; none of these secrets may be in it.
pub fn wrong(line: &str, secrets: &[String]) -> Option<String> {
    if let Some(secret) = secrets.iter().find(|secret| line.contains(secret.as_str())) {
        return Some(format!("the secret {secret:?} is in: {line}"));
    }
    if line.starts_with(SENTENCE) {
        return None;
    }
    let object = match serde_json::from_str(line) {
        Ok(Value::Object(object)) => object,
        Ok(_) | Err(_) => return Some(format!("no JSON object: {line}")),
    };
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let is_time = text("timestamp").is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok());
    let is_level = matches!(text("level"), Some("ERROR" | "WARN" | "INFO" | "DEBUG" | "TRACE"));
    let has_message = text("message").is_some_and(|message| !message.is_empty());
    let is_flat = object.values().all(|value| !value.is_object() && !value.is_array());
    let is_right = is_time && is_level && has_message && is_flat;
    (!is_right).then(|| format!("no line of a log: {line}"))
}

#[test]
fn a_wrong_line_is_found() {
    let right =
        r#"{"timestamp":"2026-11-30T10:43:10.123456Z","level":"INFO","message":"x","port":1}"#;
    assert_eq!(wrong(right, &["long enough".to_owned()]), None);
    assert_eq!(wrong("broker: no", &[]), None);
    assert!(wrong(right, &["123456Z".to_owned()]).is_some());
    for line in [
        "",
        "thread 'main' panicked at x.rs:1:1:",
        "[]",
        r#"{"level":"INFO","message":"x"}"#,
        r#"{"timestamp":"today","level":"INFO","message":"x"}"#,
        r#"{"timestamp":"2026-11-30T10:43:10Z","level":"LOUD","message":"x"}"#,
        r#"{"timestamp":"2026-11-30T10:43:10Z","level":"INFO","message":""}"#,
        r#"{"timestamp":"2026-11-30T10:43:10Z","level":"INFO","message":"x","a":{}}"#,
    ] {
        assert!(wrong(line, &[]).is_some(), "{line}");
    }
}
