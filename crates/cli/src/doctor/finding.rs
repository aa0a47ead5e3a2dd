//! What was found, and what to do about it.

use serde::Serialize;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub level: Level,
    /// What was looked at.
    pub name: &'static str,
    pub finding: String,
    /// What to do; none where nothing is to be done.
    pub advice: Option<String>,
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, but a promise is weaker, or a limit nearer, than it should be.
    Warn,
    /// A broker would not start, or fail.
    Bad,
}

impl Finding {
    pub fn ok(name: &'static str, finding: impl Into<String>) -> Self {
        Self { level: Level::Ok, name, finding: finding.into(), advice: None }
    }

    pub fn warn(name: &'static str, finding: impl Into<String>, advice: impl Into<String>) -> Self {
        let advice = Some(advice.into());
        Self { level: Level::Warn, name, finding: finding.into(), advice }
    }

    pub fn bad(name: &'static str, finding: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Bad, ..Self::warn(name, finding, advice) }
    }
}
