//! Texts that have a form of their own.

use super::kind::Form;
use tracing_subscriber::EnvFilter;

/// Origins of web pages.
pub const ORIGIN: &Form = &Form {
    allowed: "origins as browsers send them, such as https://app.example or http://localhost:3000",
    placeholder: "ORIGIN",
};

/// Directives of the log.
pub const LEVEL: &Form = &Form { allowed: LOG_LEVELS, placeholder: "LEVEL" };

/// What a level of the log may be, to go on behind "write".
pub const LOG_LEVELS: &str =
    "off, error, warn, info, debug, trace, or directives such as info,h2=debug";

/// Where OTLP is taken.
pub const OTLP: &Form = &Form {
    allowed: "a URL such as http://127.0.0.1:4317, of OTLP over gRPC without TLS",
    placeholder: "URL",
};

/// A share of all.
pub const RATIO: &Form = &Form { allowed: "a number from 0 to 1", placeholder: "RATIO" };

/// Whether a text is a level of the log. A word that would be no level is the name of a module, of
/// which alone would be logged; and a directive for spans would do nothing, because none are logged.
pub fn is_log_level(text: &str) -> bool {
    const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];
    let is_level = |word: &str| LEVELS.contains(&word.trim().to_ascii_lowercase().as_str());
    let is_known = |part: &str| part.contains('=') || is_level(part);
    let is_whole = !text.contains('[') && text.split(',').all(is_known);
    is_whole && EnvFilter::try_new(text).is_ok()
}

/// The text, if it is a level of the log.
pub fn log_level(text: &str) -> Option<String> {
    is_log_level(text).then(|| text.to_owned())
}

/// Every one of them.
pub fn origins(texts: &[&str]) -> Option<Vec<String>> {
    let origins = texts.iter();
    origins.map(|text| broker_server::is_origin(text).then(|| (*text).to_owned())).collect()
}
