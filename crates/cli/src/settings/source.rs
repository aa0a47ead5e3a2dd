//! Where a value came from.

use std::fmt;

/// The source of a value. [`fmt::Display`] is how `broker config` tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A flag, with its dashes.
    Flag(String),
    /// A variable of the environment.
    Environment(Variable),
    /// A variable in `.env`, and its line.
    Dotenv(Variable, usize),
    /// A key of the TOML file, the file, and the line.
    File(String, String, usize),
    /// Nothing said anything.
    Default,
}

/// A variable by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// The name that was found.
    pub name: &'static str,
    /// Whether it is an old name.
    pub is_alias: bool,
}

impl Source {
    /// The setting as the user wrote it and where, for a sentence.
    pub fn written(&self, setting: &str) -> String {
        match self {
            Self::Flag(flag) => flag.clone(),
            Self::Environment(variable) => variable.name.to_owned(),
            Self::Dotenv(variable, line) => format!("{} in .env:{line}", variable.name),
            Self::File(key, file, line) => format!("{key} in {file}:{line}"),
            Self::Default => format!("the default of {setting}"),
        }
    }

    /// One word for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Flag(_) => "flag",
            Self::Environment(_) => "environment",
            Self::Dotenv(..) => ".env",
            Self::File(..) => "file",
            Self::Default => "default",
        }
    }

    /// The flag, variable or key.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Flag(name) | Self::File(name, ..) => Some(name),
            Self::Environment(variable) | Self::Dotenv(variable, _) => Some(variable.name),
            Self::Default => None,
        }
    }

    /// The file and its line, if it is one.
    pub fn place(&self) -> Option<(&str, usize)> {
        match self {
            Self::Dotenv(_, line) => Some((super::dotenv::FILE, *line)),
            Self::File(_, file, line) => Some((file, *line)),
            Self::Flag(_) | Self::Environment(_) | Self::Default => None,
        }
    }

    /// Whether the name is an old one.
    pub fn is_alias(&self) -> bool {
        matches!(self, Self::Environment(variable) | Self::Dotenv(variable, _) if variable.is_alias)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}")?,
            Self::Environment(variable) => write!(f, "environment {}", variable.name)?,
            Self::Dotenv(variable, line) => write!(f, ".env:{line} {}", variable.name)?,
            Self::File(_, file, line) => write!(f, "{file}:{line}")?,
            Self::Default => write!(f, "default")?,
        }
        let is_standard = self.name().is_some_and(|name| name.starts_with("OTEL_"));
        if self.is_alias() && !is_standard { write!(f, " (old name)") } else { Ok(()) }
    }
}
