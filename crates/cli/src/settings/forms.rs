//! Texts that have a form of their own.

use super::kind::Form;
use tracing_subscriber::EnvFilter;

/// Origins of web pages.
pub const ORIGIN: &Form = &Form {
    allowed: "origins as browsers send them, such as https://app.example or http://localhost:3000",
    placeholder: "ORIGIN",
};

/// Directives of the log.
pub const LEVEL: &Form = &Form {
    allowed: "off, error, warn, info, debug, trace, or directives such as info,h2=debug",
    placeholder: "LEVEL",
};

/// A word that would be no level is the name of a module, of which alone is logged then.
pub fn log_level(text: &str) -> Option<String> {
    const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];
    let is_level = |word: &str| LEVELS.contains(&word.trim().to_ascii_lowercase().as_str());
    let is_known = |part: &str| part.contains(['=', '[']) || is_level(part);
    let is_allowed = text.split(',').all(is_known) && EnvFilter::try_new(text).is_ok();
    is_allowed.then(|| text.to_owned())
}

/// Every one of them.
pub fn origins(texts: &[&str]) -> Option<Vec<String>> {
    let origins = texts.iter();
    origins.map(|text| broker_server::is_origin(text).then(|| (*text).to_owned())).collect()
}
